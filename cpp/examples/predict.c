/* SPDX-License-Identifier: BSD-3-Clause */
/* predict MODEL: NMR parameters of a molecule or cluster. Input: one line "species x y z" an atom,
 * in Å. */
#include <glassnmr/glassnmr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 1000

int main(int argc, char** argv) {
    static double positions[3 * MOST], values[MOST * 16];
    static int32_t species[MOST];
    static int64_t centres[MOST];
    glassnmr_atoms atoms = {.positions = positions,
                            .species = species,
                            .centres = centres,
                            .cell = {1, 0, 0, 0, 1, 0, 0, 0, 1}}; /* pbc 0: no images */
    glassnmr_model* model = NULL;
    char symbol[4];
    if (argc < 2 || glassnmr_model_load(argv[1], &model)) return puts(glassnmr_last_error()), 1;
    for (double* r = positions; scanf("%3s %lf %lf %lf", symbol, r, r + 1, r + 2) == 4; r += 3) {
        size_t k = 0;
        while (k < glassnmr_model_n_species(model) &&
               strcmp(symbol, glassnmr_model_species(model, k)))
            ++k;
        if (!strcmp(symbol, glassnmr_model_centre(model)))
            centres[atoms.n_centres++] = (int64_t)atoms.n_atoms;
        species[atoms.n_atoms] = (int32_t)k;
        if (++atoms.n_atoms == MOST) break;
    }
    if (glassnmr_model_predict(model, &atoms, 0, values, NULL))
        return puts(glassnmr_last_error()), 1;
    for (size_t i = 0; i < atoms.n_centres; ++i)
        printf("atom %d %s %.10g %s\n", (int)centres[i], glassnmr_model_target(model, 0),
               values[i * glassnmr_model_n_targets(model)], glassnmr_model_unit(model, 0));
    glassnmr_model_free(model);
    return 0;
}
