# SPDX-License-Identifier: BSD-3-Clause
"""``python -m glassnmr`` is the command line."""

from glassnmr.cli import main

if __name__ == "__main__":
    main()
