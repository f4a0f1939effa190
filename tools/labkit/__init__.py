# SPDX-License-Identifier: Apache-2.0
"""What tools/lab, tools/test, tools/quickstart and tests/vm share."""
