#!/usr/bin/python3
"""MQTT.js (npm, pinned by its lock file) as a device of the service. Installs it into the build directory first."""

import os
import sys

from client_program import BOTH, CLIENTS, FIVE, options, test_client
from node_modules_of import install
from stack import StackError

if __name__ == "__main__":
    parser = options(__doc__)
    parser.add_argument("--modules", required=True, help="directory of the build in which the packages are kept")
    given = parser.parse_args()
    try:
        node = install(os.path.join(CLIENTS, "mqttjs"), given.modules)
    except StackError as problem:
        sys.exit("FAIL  %s" % problem)
    sys.exit(test_client("mqttjs", [node, os.path.join(given.modules, "mqttjs_client.mjs")], BOTH, FIVE, given))
