"""Tests of what the scripts of ci/ know about targets: python3 -m unittest discover -s ci/targets/tests -t ci"""
