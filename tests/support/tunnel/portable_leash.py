"""The leash as it works where no kernel ends a child with its parent."""

import sys

from tunnel.leash import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], kernel_holds=False))
