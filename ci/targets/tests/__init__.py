"""Tests of what could fail without a word: python3 -m unittest discover -s ci -t ci -p "test_*.py" """
