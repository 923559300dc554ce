/* SPDX-License-Identifier: BSD-3-Clause */
#include <glassnmr/glassnmr.h>

int main(void) {
    const double cell[9] = {3, 0, 0, 0, 3, 0, 0, 0, 3}, position[3] = {0, 0, 0};
    const int pbc[3] = {1, 1, 1};
    const size_t* first;
    glassnmr_neighbours* list;
    if (glassnmr_neighbours_create(1, position, cell, pbc, 3.5, 1, &list)) return 1;
    if (glassnmr_neighbours_view(list, &first, NULL, NULL)) return 2;
    const size_t n = first[1];
    glassnmr_neighbours_free(list);
    return n == 6 ? 0 : 3;
}
