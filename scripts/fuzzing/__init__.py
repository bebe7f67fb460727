"""What scripts/fuzz.py does: changes to valid files, the readers, and the law that each must keep."""
