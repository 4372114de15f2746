"""Which authorities the processes of tests know: one, that nobody asks.

To read the certificates of all takes a tenth of each start, and no server of these tests has one
of theirs.
"""

from tests.support.paths import ROOT

ONE_AUTHORITY = {"SSL_CERT_FILE": str(ROOT / "tests/support/tunnel/localhost.pem")}
