/* SPDX-License-Identifier: BSD-3-Clause */
#include <glassnmr/glassnmr.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures = 0;

#define CHECK(condition)                                           \
    do {                                                           \
        if (!(condition)) {                                        \
            ++failures;                                            \
            printf("%s:%d: %s\n", __FILE__, __LINE__, #condition); \
        }                                                          \
    } while (0)

static const double cell[9] = {4, 0, 0, 0, 4, 0, 0, 0, 4};
static const double positions[6] = {0, 0, 0, 2, 2, 2};
static const int periodic[3] = {1, 1, 1};

static void library_tells_what_it_is(void) {
    const char* level = NULL;
    CHECK(glassnmr_abi_version() == GLASSNMR_ABI_VERSION);
    CHECK(strlen(glassnmr_version()) >= 5);
    CHECK(glassnmr_default_threads() >= 1);
    CHECK(glassnmr_level(&level) == GLASSNMR_SUCCESS && level && *level);
}

static void neighbours_of_a_crystal(void) {
    glassnmr_neighbours* list = NULL;
    const size_t* first = NULL;
    const int32_t* index = NULL;
    const double* vector = NULL;
    CHECK(glassnmr_neighbours_create(2, positions, cell, periodic, 3.9, 0, &list) ==
          GLASSNMR_SUCCESS);
    CHECK(glassnmr_neighbours_view(list, &first, &index, &vector) == GLASSNMR_SUCCESS);
    CHECK(first && first[0] == 0 && first[1] == 8 && first[2] == 16);
    for (size_t k = 0; first && k < first[2]; ++k) {
        const double* v = vector + 3 * k;
        CHECK(fabs(sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]) - sqrt(12.0)) < 1e-12);
        CHECK(index[k] == (k < 8 ? 1 : 0));
    }
    glassnmr_neighbours_free(list);
}

static void row_of_an_environment(void) {
    const double vectors[9] = {1.6, 0, 0, 0, 1.6, 0, 0, 0, 9};
    const double turned[9] = {0, 1.6, 0, 0, 0, 1.6, 9, 0, 0};
    const int32_t species[3] = {0, 1, 1};
    glassnmr_soap_settings settings = glassnmr_soap_defaults();
    glassnmr_soap* soap = NULL;
    settings.n_species = 2;
    CHECK(glassnmr_soap_create(&settings, &soap) == GLASSNMR_SUCCESS);
    const size_t n = glassnmr_soap_n_features(soap);
    CHECK(n == 2 * 8 + 5 * 16 * 17 / 2);
    double* a = malloc(n * sizeof *a);
    double* b = malloc(n * sizeof *b);
    double largest = 0, difference = 0;
    CHECK(a && b);
    CHECK(glassnmr_soap_environment(soap, 3, vectors, species, a) == GLASSNMR_SUCCESS);
    CHECK(glassnmr_soap_environment(soap, 3, turned, species, b) == GLASSNMR_SUCCESS);
    for (size_t f = 0; f < n; ++f) {
        largest = fmax(largest, fabs(a[f]));
        difference = fmax(difference, fabs(a[f] - b[f]));
    }
    CHECK(largest > 1e-3 && difference < 1e-12 * largest);
    CHECK(glassnmr_soap_environment(soap, 0, NULL, NULL, a) == GLASSNMR_SUCCESS);
    for (size_t f = 0; f < n; ++f) CHECK(a[f] == 0);

    const int32_t unknown[3] = {0, 1, 2};
    CHECK(glassnmr_soap_environment(soap, 3, vectors, unknown, a) == GLASSNMR_INVALID_ARGUMENT);
    CHECK(strstr(glassnmr_last_error(), "species"));
    free(a);
    free(b);
    glassnmr_soap_free(soap);
}

static void bad_arguments_are_told_by_name(void) {
    glassnmr_neighbours* list = NULL;
    glassnmr_soap* soap = NULL;
    glassnmr_soap_settings settings = glassnmr_soap_defaults();
    CHECK(glassnmr_neighbours_create(2, positions, cell, periodic, -1.0, 0, &list) ==
          GLASSNMR_INVALID_ARGUMENT);
    CHECK(strstr(glassnmr_last_error(), "cutoff") && strstr(glassnmr_last_error(), "-1"));
    CHECK(glassnmr_neighbours_create(2, NULL, cell, periodic, 3.0, 0, &list) ==
          GLASSNMR_INVALID_ARGUMENT);
    CHECK(strstr(glassnmr_last_error(), "positions must not be NULL"));
    CHECK(list == NULL);
    CHECK(glassnmr_neighbours_view(NULL, NULL, NULL, NULL) == GLASSNMR_INVALID_ARGUMENT);
    CHECK(glassnmr_level(NULL) == GLASSNMR_INVALID_ARGUMENT);
    CHECK(glassnmr_soap_create(NULL, &soap) == GLASSNMR_INVALID_ARGUMENT);
    settings.basis = "fourier";
    CHECK(glassnmr_soap_create(&settings, &soap) == GLASSNMR_INVALID_ARGUMENT);
    CHECK(strstr(glassnmr_last_error(), "fourier"));
    settings.basis = NULL;
    CHECK(glassnmr_soap_create(&settings, &soap) == GLASSNMR_INVALID_ARGUMENT);
    CHECK(soap == NULL && glassnmr_soap_n_features(NULL) == 0);
    CHECK(glassnmr_soap_environment(NULL, 0, NULL, NULL, NULL) == GLASSNMR_INVALID_ARGUMENT);
    glassnmr_neighbours_free(NULL);
    glassnmr_soap_free(NULL);
}

int main(void) {
    CHECK(strlen(glassnmr_last_error()) == 0);
    library_tells_what_it_is();
    neighbours_of_a_crystal();
    row_of_an_environment();
    bad_arguments_are_told_by_name();
    printf("C interface: %d failed checks\n", failures);
    return failures != 0;
}
