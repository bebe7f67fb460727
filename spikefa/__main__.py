"""Run as a module: ``python -m spikefa compare``, ``torchrun -m spikefa compare``."""

from spikefa.cli import main

if __name__ == "__main__":
    main()
