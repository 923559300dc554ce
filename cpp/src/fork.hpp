// SPDX-License-Identifier: BSD-3-Clause
#pragma once

namespace glassnmr {

/// Make a later fork() of this process safe; called before the first parallel region, cheap
/// afterwards.
///
/// GNU's OpenMP runtime keeps its threads for the next region. A forked child inherits the
/// book-keeping but not the threads, and waits for them for ever in its first region. So the parent
/// gives its threads back before a fork.
void make_forks_safe();

}  // namespace glassnmr
