"""die_with_parent as it works where the kernel does not kill a child with its parent."""

import sys

from tunnel.die_with_parent import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], kernel_kills_child=False))
