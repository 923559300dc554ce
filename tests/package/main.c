/* SPDX-License-Identifier: BSD-3-Clause */
/* consumer_c FILE: load a model that consumer_cpp wrote. */
#include <glassnmr/glassnmr.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char** argv) {
    const double vectors[3] = {0, 0, 1.6};
    const int32_t species[1] = {0};
    double value = 0;
    glassnmr_model* model = NULL;
    if (argc != 2 || glassnmr_abi_version() != GLASSNMR_ABI_VERSION) return 1;
    if (glassnmr_model_load(argv[1], &model)) return 2;
    if (glassnmr_model_environment(model, 1, vectors, species, &value, NULL)) return 3;
    if (strcmp(glassnmr_model_unit(model, 0), "ppm")) return 4;
    printf("%.10g ppm\n", value);
    glassnmr_model_free(model);
    return value > 400 && value <= 500 ? 0 : 5;
}
