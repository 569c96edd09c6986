"""Each defence taken out once, in a copy of the tree: a test that stays green then was not watching it.

`python -m tests.mutants [part of a name ...]` tries them; `make faults` ends with it.
"""
