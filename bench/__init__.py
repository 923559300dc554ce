# SPDX-License-Identifier: BSD-3-Clause
"""How fast the package is, beside its peers: `python -m bench --help`."""
