"""What the scripts of ci/ know about targets: the facts of bsp/targets/*.toml, and what is made of them."""
