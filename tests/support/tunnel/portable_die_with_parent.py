"""The leash as it works where no kernel ends a child with its parent."""

import sys

from tunnel.die_with_parent import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], kernel_kills_child=False))
