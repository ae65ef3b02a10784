#!/usr/bin/python3
"""Eclipse Paho C (Debian's libpaho-mqtt-dev, asynchronous API) as a device of the service."""

import os
import sys

from client_program import BOTH, FIVE, options, test_client

if __name__ == "__main__":
    given = options(__doc__).parse_args()
    sys.exit(test_client("pahoc", [os.path.join(given.bin, "paho_c_client")], BOTH, FIVE, given))
