/* SPDX-License-Identifier: BSD-3-Clause */
/* Models through the C interface: the library's neighbours, the caller's, one environment,
 * gradients. */
#include <glassnmr/glassnmr.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void write_model(const char* path);
void write_tensor_model(const char* path);

static int failures = 0;

#define CHECK(condition)                                           \
    do {                                                           \
        if (!(condition)) {                                        \
            ++failures;                                            \
            printf("%s:%d: %s\n", __FILE__, __LINE__, #condition); \
        }                                                          \
    } while (0)
#define FAILS(call, status, part) CHECK((call) == (status) && strstr(glassnmr_last_error(), part))

enum { OWNED = 4, IMAGES = 27, ALL = OWNED * IMAGES, CENTRES = 2, TARGETS = 2 };

static const char* const file = "c_api_test.gnmr";
static const double cell[9] = {4.2, 0, 0, 0.4, 4.6, 0, -0.3, 0.5, 4.4};
static double positions[3 * ALL];
static int32_t species[ALL];
static const int64_t centres[CENTRES] = {1, 3};
static size_t first[CENTRES + 1];
static int32_t neighbours[CENTRES * ALL];

/* Four atoms and their images in the cells around, as an MD code holds them: the images are ghosts.
 */
static void make_atoms(void) {
    const double own[3 * OWNED] = {0.1, 0.2, 0, 1.7, 0.3, 0.4, 2.2, 2.4, 1.9, 0.6, 2.1, 3};
    size_t n = OWNED;
    memcpy(positions, own, sizeof own);
    for (int k = 0; k < IMAGES; ++k) {
        const int shift[3] = {k / 9 - 1, k / 3 % 3 - 1, k % 3 - 1};
        for (size_t i = 0; i < OWNED; ++i) {
            species[i] = i % 2;
            if (k == 13) continue; /* the cell itself */
            for (size_t x = 0; x < 3; ++x) {
                positions[3 * n + x] = own[3 * i + x];
                for (size_t c = 0; c < 3; ++c) positions[3 * n + x] += shift[c] * cell[3 * c + x];
            }
            species[n++] = (int32_t)(i % 2);
        }
    }
    n = 0;
    for (size_t c = 0; c < CENTRES; ++c) { /* all atoms are listed: far ones must not matter */
        first[c] = n;
        for (int32_t j = 0; j < ALL; ++j) {
            if (j != centres[c]) neighbours[n++] = j;
        }
    }
    first[CENTRES] = n;
}

static glassnmr_atoms periodic(void) {
    glassnmr_atoms atoms = {OWNED,   positions, species, {0}, {1, 1, 1},
                            CENTRES, centres,   NULL,    NULL};
    memcpy(atoms.cell, cell, sizeof cell);
    return atoms;
}

static glassnmr_atoms listed(void) {
    const glassnmr_atoms atoms = {ALL,     positions, species, {0},       {0},
                                  CENTRES, centres,   first,   neighbours};
    return atoms;
}

static double largest_difference(size_t n, const double* a, const double* b) {
    double largest = 0;
    for (size_t k = 0; k < n; ++k) largest = fmax(largest, fabs(a[k] - b[k]));
    return largest;
}

static void a_model_says_what_it_is(const glassnmr_model* model) {
    double a = 0, b = 0, limit = 0;
    CHECK(glassnmr_model_cutoff(model) == 3.5);
    CHECK(!strcmp(glassnmr_model_isotope(model), "29Si") &&
          !strcmp(glassnmr_model_centre(model), "Si"));
    CHECK(glassnmr_model_n_species(model) == 2 && !strcmp(glassnmr_model_species(model, 0), "O"));
    CHECK(glassnmr_model_n_targets(model) == TARGETS);
    CHECK(!strcmp(glassnmr_model_target(model, 1), "C_Q") &&
          !strcmp(glassnmr_model_unit(model, 1), "MHz"));
    CHECK(glassnmr_model_has_uncertainty(model) == 1);
    CHECK(glassnmr_model_species(model, 2) == NULL && glassnmr_model_target(model, 2) == NULL);
    CHECK(glassnmr_model_reference(model, &a, &b) == GLASSNMR_SUCCESS && a == 320 && b == -0.95);
    CHECK(glassnmr_model_kind(model) == GLASSNMR_SCALARS);
    CHECK(glassnmr_model_n_derived(model) == 1);
    CHECK(!strcmp(glassnmr_model_derived(model, 0), "delta_iso") &&
          !strcmp(glassnmr_model_derived_unit(model, 0), "ppm"));
    CHECK(glassnmr_model_derived(model, 1) == NULL);
    CHECK(glassnmr_model_novelty_limit(model, &limit) == GLASSNMR_SUCCESS && limit == 4);
}

/* By hand: delta_iso = 320 - 0.95 sigma_iso; noise 1.25, 0.5; factors of 90 % 1.8, 1.7. */
static void errors_and_what_is_derived(const glassnmr_model* model) {
    const double values[2 * TARGETS] = {400, 2, 410, -1}, novelty[2] = {0, 3};
    const double wanted[2 * TARGETS] = {1.25, 0.5, 2.5, 1}, factors[TARGETS] = {1.8, 1.7};
    const double by_shift[2] = {2, -3};
    double derived[2], own[2 * TARGETS], of_derived[2], slopes[2 * TARGETS];
    CHECK(glassnmr_model_derive(model, 2, values, derived) == GLASSNMR_SUCCESS);
    CHECK(fabs(derived[0] + 60) < 1e-12 && fabs(derived[1] + 69.5) < 1e-12);
    CHECK(glassnmr_model_derive_gradient(model, 2, values, by_shift, slopes) == GLASSNMR_SUCCESS);
    CHECK(fabs(slopes[0] + 1.9) < 1e-12 && slopes[1] == 0);
    CHECK(fabs(slopes[2] - 2.85) < 1e-12 && slopes[3] == 0);
    CHECK(glassnmr_model_deviations(model, 2, values, novelty, own, of_derived) ==
          GLASSNMR_SUCCESS);
    CHECK(largest_difference(2 * TARGETS, own, wanted) < 1e-12);
    for (size_t i = 0; i < 2; ++i) CHECK(fabs(of_derived[i] - 0.95 * wanted[TARGETS * i]) < 1e-12);
    CHECK(glassnmr_model_half_widths(model, 0.9, 2, values, novelty, own, of_derived) ==
          GLASSNMR_SUCCESS);
    for (size_t k = 0; k < 2 * TARGETS; ++k)
        CHECK(fabs(own[k] - factors[k % TARGETS] * wanted[k]) < 1e-12);
    for (size_t i = 0; i < 2; ++i)
        CHECK(fabs(of_derived[i] - 0.95 * 1.8 * wanted[TARGETS * i]) < 1e-12);
    FAILS(glassnmr_model_half_widths(model, 0.5, 2, values, novelty, own, NULL),
          GLASSNMR_INVALID_ARGUMENT, "0.9");
    FAILS(glassnmr_model_deviations(model, 2, values, NULL, own, NULL), GLASSNMR_INVALID_ARGUMENT,
          "novelty");
}

static void every_way_to_give_neighbours_gives_the_same(const glassnmr_model* model) {
    const glassnmr_atoms own = periodic(), list = listed();
    double a[CENTRES * TARGETS], b[CENTRES * TARGETS], da[CENTRES], db[CENTRES];
    double vectors[3 * ALL];
    int32_t kinds[ALL];
    CHECK(glassnmr_model_predict(model, &own, 0, a, da) == GLASSNMR_SUCCESS);
    CHECK(glassnmr_model_predict(model, &list, 0, b, db) == GLASSNMR_SUCCESS);
    CHECK(largest_difference(CENTRES * TARGETS, a, b) < 1e-11);
    CHECK(largest_difference(CENTRES, da, db) < 1e-12);
    for (size_t c = 0; c < CENTRES; ++c) CHECK(da[c] > 0);
    CHECK(fabs(a[0] - a[2]) > 1e-6); /* the centres differ */
    for (size_t c = 0; c < CENTRES; ++c) {
        for (size_t k = first[c]; k < first[c + 1]; ++k) {
            kinds[k - first[c]] = species[neighbours[k]];
            for (size_t x = 0; x < 3; ++x)
                vectors[3 * (k - first[c]) + x] =
                    positions[3 * neighbours[k] + (int)x] - positions[3 * (size_t)centres[c] + x];
        }
        CHECK(glassnmr_model_environment(model, first[c + 1] - first[c], vectors, kinds, b, db) ==
              GLASSNMR_SUCCESS);
        CHECK(largest_difference(TARGETS, a + c * TARGETS, b) < 1e-11);
        CHECK(fabs(da[c] - db[0]) < 1e-12);
    }
}

/* Ghosts' shares go to their atoms, as an MD code does it. */
static void gradients_agree_with_finite_differences(const glassnmr_model* model) {
    const double weights[CENTRES * TARGETS] = {1, -0.5, 0.25, 2};
    const glassnmr_atoms own = periodic(), list = listed();
    double a[3 * OWNED], b[3 * ALL], folded[3 * OWNED] = {0}, sa[9], sb[9];
    CHECK(glassnmr_model_gradient(model, &own, weights, 0, a, sa) == GLASSNMR_SUCCESS);
    CHECK(glassnmr_model_gradient(model, &list, weights, 0, b, sb) == GLASSNMR_SUCCESS);
    for (size_t j = 0; j < ALL; ++j) {
        for (size_t x = 0; x < 3; ++x) folded[3 * (j % OWNED) + x] += b[3 * j + x];
    }
    double largest = 0;
    for (size_t k = 0; k < 3 * OWNED; ++k) largest = fmax(largest, fabs(a[k]));
    CHECK(largest > 1e-4);
    CHECK(largest_difference(3 * OWNED, a, folded) < 1e-11 * largest);
    CHECK(largest_difference(9, sa, sb) < 1e-11 * fmax(largest, 1));
    CHECK(glassnmr_model_gradient(model, &own, weights, 0, a, NULL) == GLASSNMR_SUCCESS);
    for (size_t k = 0; k < 3 * OWNED; ++k) {
        const double kept = positions[k], h = 1e-4, steps[4] = {-2 * h, -h, h, 2 * h};
        const double share[4] = {1, -8, 8, -1};
        double slope = 0;
        for (size_t s = 0; s < 4; ++s) {
            double values[CENTRES * TARGETS];
            positions[k] = kept + steps[s];
            CHECK(glassnmr_model_predict(model, &own, 1, values, NULL) == GLASSNMR_SUCCESS);
            for (size_t v = 0; v < CENTRES * TARGETS; ++v)
                slope += share[s] * weights[v] * values[v] / (12 * h);
        }
        positions[k] = kept;
        CHECK(fabs(a[k] - slope) < 2e-7 * largest + 1e-9);
    }
}

static void gradient_of_one_environment(const glassnmr_model* model) {
    double vectors[9] = {1.6, 0.1, 0, -0.3, 1.7, 0.2, 0, -0.4, 2.6}, found[9], values[TARGETS];
    const int32_t kinds[3] = {0, 1, 1};
    const double weights[TARGETS] = {1, 3};
    CHECK(glassnmr_model_environment_gradient(model, 3, vectors, kinds, weights, found) ==
          GLASSNMR_SUCCESS);
    for (size_t k = 0; k < 9; ++k) {
        const double kept = vectors[k], h = 1e-5;
        double slope = 0;
        for (int side = -1; side <= 1; side += 2) {
            vectors[k] = kept + side * h;
            CHECK(!glassnmr_model_environment(model, 3, vectors, kinds, values, NULL));
            slope += side * (values[0] + 3 * values[1]) / (2 * h);
        }
        vectors[k] = kept;
        CHECK(fabs(found[k] - slope) < 1e-6);
    }
}

/* The number of a name among what is derived. */
static size_t derived_place(const glassnmr_model* model, const char* name) {
    size_t d = 0;
    while (d < glassnmr_model_n_derived(model) && strcmp(glassnmr_model_derived(model, d), name))
        ++d;
    CHECK(d < glassnmr_model_n_derived(model));
    return d;
}

static void tensors_come_through_the_same_handle(const glassnmr_model* model) {
    enum { DERIVED = 6 };
    const glassnmr_atoms own = periodic();
    double vectors[9] = {1.6, 0.1, 0, -0.3, 1.7, 0.2, 0, -0.4, 2.6};
    const int32_t kinds[3] = {0, 1, 1};
    double t[CENTRES * 9], novelty[CENTRES], derived[CENTRES * DERIVED], wide[CENTRES * DERIVED];
    double weights[DERIVED] = {0}, by_value[9], found[9];
    CHECK(glassnmr_model_kind(model) == GLASSNMR_SHIELDING && glassnmr_model_n_targets(model) == 9);
    CHECK(!strcmp(glassnmr_model_target(model, 5), "ms_yz"));
    CHECK(glassnmr_model_n_derived(model) == DERIVED);
    const size_t iso = derived_place(model, "sigma_iso"), span = derived_place(model, "span"),
                 shift = derived_place(model, "delta_iso");
    CHECK(!glassnmr_model_predict(model, &own, 0, t, novelty));
    CHECK(!glassnmr_model_derive(model, CENTRES, t, derived));
    for (size_t c = 0; c < CENTRES; ++c) {
        const double mean = (t[9 * c] + t[9 * c + 4] + t[9 * c + 8]) / 3;
        CHECK(fabs(derived[DERIVED * c + iso] - mean) < 1e-10);
        CHECK(fabs(derived[DERIVED * c + shift] - (320 - 0.95 * mean)) < 1e-10);
        CHECK(derived[DERIVED * c + span] > 1e-3 && fabs(t[9 * c + 1] - t[9 * c + 3]) > 1e-6);
    }
    CHECK(!glassnmr_model_deviations(model, CENTRES, t, novelty, NULL, wide));
    for (size_t c = 0; c < CENTRES; ++c)
        CHECK(fabs(wide[DERIVED * c + iso] - 1.25 * sqrt(1 + novelty[c])) < 1e-12);
    CHECK(!glassnmr_model_environment(model, 3, vectors, kinds, t, NULL));
    weights[span] = 1;
    CHECK(!glassnmr_model_derive_gradient(model, 1, t, weights, by_value));
    CHECK(!glassnmr_model_environment_gradient(model, 3, vectors, kinds, by_value, found));
    double largest = 0;
    for (size_t k = 0; k < 9; ++k) largest = fmax(largest, fabs(found[k]));
    CHECK(largest > 1e-4);
    for (size_t k = 0; k < 9; ++k) {
        const double kept = vectors[k], h = 1e-5;
        double slope = 0;
        for (int side = -1; side <= 1; side += 2) {
            vectors[k] = kept + side * h;
            CHECK(!glassnmr_model_environment(model, 3, vectors, kinds, t, NULL));
            CHECK(!glassnmr_model_derive(model, 1, t, derived));
            slope += side * derived[span] / (2 * h);
        }
        vectors[k] = kept;
        CHECK(fabs(found[k] - slope) < 1e-6 * largest + 1e-8);
    }
}

static void bad_input_is_told(const glassnmr_model* model) {
    glassnmr_model* other = NULL;
    glassnmr_atoms bad = listed();
    double values[CENTRES * TARGETS], forces[3 * ALL];
    FILE* foreign = fopen("c_api_test.txt", "wb");
    CHECK(foreign && fputs("not a model", foreign) > 0 && fclose(foreign) == 0);
    FAILS(glassnmr_model_load("c_api_test.txt", &other), GLASSNMR_INVALID_FILE, "c_api_test.txt");
    remove("c_api_test.txt");
    FAILS(glassnmr_model_load("no/such/file.gnmr", &other), GLASSNMR_INVALID_FILE,
          "no/such/file.gnmr");
    FAILS(glassnmr_model_load(NULL, &other), GLASSNMR_INVALID_ARGUMENT, "path must not be NULL");
    CHECK(other == NULL);
    FAILS(glassnmr_model_predict(NULL, &bad, 0, values, NULL), GLASSNMR_INVALID_ARGUMENT, "model");
    FAILS(glassnmr_model_predict(model, &bad, 0, NULL, NULL), GLASSNMR_INVALID_ARGUMENT, "values");
    FAILS(glassnmr_model_gradient(model, &bad, NULL, 0, forces, NULL), GLASSNMR_INVALID_ARGUMENT,
          "dl_dvalues");
    neighbours[3] = ALL;
    FAILS(glassnmr_model_predict(model, &bad, 0, values, NULL), GLASSNMR_INVALID_ARGUMENT,
          "neighbours");
    make_atoms();
    first[1] = first[2] + 1;
    FAILS(glassnmr_model_gradient(model, &bad, values, 0, forces, NULL), GLASSNMR_INVALID_ARGUMENT,
          "first");
    make_atoms();
    species[0] = 7;
    FAILS(glassnmr_model_predict(model, &bad, 0, values, NULL), GLASSNMR_INVALID_ARGUMENT,
          "species 7");
    make_atoms();
    positions[4] = NAN;
    FAILS(glassnmr_model_predict(model, &bad, 0, values, NULL), GLASSNMR_INVALID_ARGUMENT,
          "finite");
    make_atoms();
    memcpy(positions + 3 * 2, positions + 3 * 1, 3 * sizeof *positions);
    FAILS(glassnmr_model_predict(model, &bad, 0, values, NULL), GLASSNMR_INVALID_ARGUMENT,
          "same place");
    make_atoms();
    bad.positions = NULL;
    FAILS(glassnmr_model_predict(model, &bad, 0, values, NULL), GLASSNMR_INVALID_ARGUMENT,
          "positions");
    bad.n_centres = 0;
    bad.n_atoms = 0;
    CHECK(glassnmr_model_predict(model, &bad, 0, NULL, NULL) == GLASSNMR_SUCCESS);
    CHECK(glassnmr_model_cutoff(NULL) == 0 && glassnmr_model_isotope(NULL) == NULL);
    glassnmr_model_free(NULL);
}

int main(void) {
    glassnmr_model* model = NULL;
    write_model(file);
    CHECK(glassnmr_model_load(file, &model) == GLASSNMR_SUCCESS);
    remove(file);
    make_atoms();
    a_model_says_what_it_is(model);
    errors_and_what_is_derived(model);
    every_way_to_give_neighbours_gives_the_same(model);
    gradients_agree_with_finite_differences(model);
    gradient_of_one_environment(model);
    bad_input_is_told(model);
    glassnmr_model_free(model);
    model = NULL;
    write_tensor_model(file);
    CHECK(glassnmr_model_load(file, &model) == GLASSNMR_SUCCESS);
    remove(file);
    make_atoms();
    tensors_come_through_the_same_handle(model);
    glassnmr_model_free(model);
    printf("models in C: %d failed checks\n", failures);
    return failures != 0;
}
