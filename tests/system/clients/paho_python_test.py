#!/usr/bin/python3
"""Eclipse Paho for Python (Debian's python3-paho-mqtt, 1.6) as a device of the service."""

import os
import sys

from client_program import BOTH, CLIENTS, FIVE, options, test_client

if __name__ == "__main__":
    # Paho 1.6 hides the reason code of PUBACK: its `reason_codes` looks at SUBACK alone.
    program = os.path.join(CLIENTS, "paho_python", "paho_python_client.py")
    sys.exit(test_client("pahopython", ["/usr/bin/python3", program], BOTH, FIVE, options(__doc__).parse_args()))
