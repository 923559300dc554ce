/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The C interface of glassnmr: a C11 header with no C++ in it.
 *
 * Every function that can fail returns a status; glassnmr_last_error() then tells which argument
 * was wrong, what was wanted and what came. A handle is made by a function named _create (or _load,
 * from a file) through its last argument, is immutable afterwards, may be shared by threads, and is
 * given back with _free, which takes NULL too. No function prints, stops the program or throws.
 * Lengths are in Å; n_threads 0 is the runtime's default.
 *
 *     glassnmr_soap_settings settings = glassnmr_soap_defaults();
 *     settings.n_species = 2;
 *     settings.cutoff = 5.0;
 *     glassnmr_soap* soap = NULL;
 *     if (glassnmr_soap_create(&settings, &soap) != GLASSNMR_SUCCESS) puts(glassnmr_last_error());
 *     double* row = malloc(glassnmr_soap_n_features(soap) * sizeof *row);
 *     glassnmr_soap_environment(soap, n, vectors, species, row);
 *     glassnmr_soap_free(soap);
 */
#ifndef GLASSNMR_H
#define GLASSNMR_H

#include <glassnmr/export.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Raised whenever a declaration below changes; a program compares it with glassnmr_abi_version().
 */
#define GLASSNMR_ABI_VERSION 3

typedef enum {
    GLASSNMR_SUCCESS = 0,
    GLASSNMR_INVALID_ARGUMENT =
        1, /* an argument outside its range, or a NULL where data was wanted */
    GLASSNMR_NUMERICAL_ERROR = 2, /* good input, but the computation did not converge */
    GLASSNMR_OUT_OF_MEMORY = 3,
    GLASSNMR_INVALID_FILE = 4, /* a file that cannot be read, is damaged, or is something else */
    GLASSNMR_INTERNAL_ERROR = 255
} glassnmr_status;

/* ---- the library ---- */

GLASSNMR_API int glassnmr_abi_version(void);

/* Version as "major.minor.patch". */
GLASSNMR_API const char* glassnmr_version(void);

/* Message of the last call that failed on this thread; never NULL, empty if none did. */
GLASSNMR_API const char* glassnmr_last_error(void);

/* Name of the instruction level in use. Fails if the environment variable GLASSNMR_LEVEL names one
 * that cannot run. */
GLASSNMR_API glassnmr_status glassnmr_level(const char** level);

/* Threads that a call uses for n_threads = 0. */
GLASSNMR_API int glassnmr_default_threads(void);

/* ---- neighbours, THEORY.md eq. (2.1) ---- */

typedef struct glassnmr_neighbours glassnmr_neighbours;

/*
 * Neighbours of n_atoms atoms within the cutoff. positions: n_atoms x 3; cell: 9 numbers, rows are
 * the cell vectors; pbc: 3 flags, which of them are translations. Any cell shape, a cutoff of any
 * number of cells.
 */
GLASSNMR_API glassnmr_status glassnmr_neighbours_create(size_t n_atoms, const double* positions,
                                                        const double* cell, const int* pbc,
                                                        double cutoff, int n_threads,
                                                        glassnmr_neighbours** neighbours);

/*
 * Atom i has the entries first[i] to first[i + 1] of index (the neighbour) and vector (3 numbers
 * each, from i to that image). first has n_atoms + 1 entries. The arrays belong to the handle. Any
 * of the three may be NULL if not wanted.
 */
GLASSNMR_API glassnmr_status glassnmr_neighbours_view(const glassnmr_neighbours* neighbours,
                                                      const size_t** first, const int32_t** index,
                                                      const double** vector);

GLASSNMR_API void glassnmr_neighbours_free(glassnmr_neighbours* neighbours);

/* ---- spherical-Bessel SOAP, THEORY.md sections 3, 5 and 6 ---- */

typedef struct glassnmr_soap glassnmr_soap;

typedef struct {
    const char* basis; /* "bessel", "bessel-truncated" or "kocer" */
    double cutoff;
    size_t n_species;
    size_t n_max; /* radial functions for each l */
    size_t l_max; /* inclusive */
    double sigma; /* width of the smeared atoms */
    int two_body; /* which parts a row has */
    int three_body;
    double two_body_weight;
    double three_body_weight;
} glassnmr_soap_settings;

/* One species, basis "bessel", cutoff 5, n_max 8, l_max 4, sigma 0.4, both parts with weight 1. */
GLASSNMR_API glassnmr_soap_settings glassnmr_soap_defaults(void);

GLASSNMR_API glassnmr_status glassnmr_soap_create(const glassnmr_soap_settings* settings,
                                                  glassnmr_soap** soap);

/* Length of a row; 0 for NULL. */
GLASSNMR_API size_t glassnmr_soap_n_features(const glassnmr_soap* soap);

/*
 * The row of one centre from the caller's own neighbour list: n vectors from the centre (n x 3) and
 * the species of each, counted from 0. Neighbours at or beyond the cutoff are left out. row:
 * glassnmr_soap_n_features() numbers.
 */
GLASSNMR_API glassnmr_status glassnmr_soap_environment(const glassnmr_soap* soap, size_t n,
                                                       const double* vectors,
                                                       const int32_t* species, double* row);

GLASSNMR_API void glassnmr_soap_free(glassnmr_soap* soap);

/* ---- trained models, THEORY.md section 10 ---- */

typedef struct glassnmr_model glassnmr_model;

/* What a model gives of each centre. */
typedef enum {
    GLASSNMR_SCALARS = 0,   /* its targets: sigma_iso, C_Q ... */
    GLASSNMR_SHIELDING = 1, /* the nine elements of a shielding by rows: ms_xx, ms_xy ..., ppm */
    GLASSNMR_FIELD_GRADIENT = 2 /* of a field gradient: efg_xx, efg_xy ..., atomic units */
} glassnmr_kind;

/* Reads a *.gnmr file of either kind. */
GLASSNMR_API glassnmr_status glassnmr_model_load(const char* path, glassnmr_model** model);

GLASSNMR_API void glassnmr_model_free(glassnmr_model* model);

/* What a model says of itself: numbers are 0 and names NULL for a NULL handle or a place outside
 * the list; names live as long as the handle. */
GLASSNMR_API glassnmr_kind glassnmr_model_kind(const glassnmr_model* model);
GLASSNMR_API double glassnmr_model_cutoff(const glassnmr_model* model);
GLASSNMR_API const char* glassnmr_model_isotope(const glassnmr_model* model); /* as "29Si" */
GLASSNMR_API const char* glassnmr_model_centre(const glassnmr_model* model);  /* as "Si" */
GLASSNMR_API size_t glassnmr_model_n_species(const glassnmr_model* model);
GLASSNMR_API const char* glassnmr_model_species(const glassnmr_model* model, size_t k);
GLASSNMR_API size_t glassnmr_model_n_targets(const glassnmr_model* model);
GLASSNMR_API const char* glassnmr_model_target(const glassnmr_model* model, size_t t);
GLASSNMR_API const char* glassnmr_model_unit(const glassnmr_model* model, size_t t);

/* What follows from the values, by the conventions of THEORY.md section 11: of a shielding
 * sigma_iso, span, skew, zeta, eta_csa; of a field gradient V_zz and, of a nucleus with a
 * quadrupole moment, C_Q (with sign), abs_C_Q, eta; delta_iso of all that have a reference. */
GLASSNMR_API size_t glassnmr_model_n_derived(const glassnmr_model* model);
GLASSNMR_API const char* glassnmr_model_derived(const glassnmr_model* model, size_t d);
GLASSNMR_API const char* glassnmr_model_derived_unit(const glassnmr_model* model, size_t d);

GLASSNMR_API int glassnmr_model_has_uncertainty(const glassnmr_model* model);

/* a and b of delta_iso = a + b sigma_iso, ppm; fails for a model without a reference. */
GLASSNMR_API glassnmr_status glassnmr_model_reference(const glassnmr_model* model, double* a,
                                                      double* b);

/* The novelty of a centre beyond which it is unlike the training data; fails for a model that was
 * not calibrated. */
GLASSNMR_API glassnmr_status glassnmr_model_novelty_limit(const glassnmr_model* model,
                                                          double* limit);

/* Atoms, and whose values are wanted. With the caller's own neighbour list images are atoms of
 * their own (ghosts), and cell and pbc are not looked at; without (first is NULL) the library
 * searches, and cell and pbc tell the images. */
typedef struct {
    size_t n_atoms;            /* owned atoms and ghosts */
    const double* positions;   /* n_atoms x 3 */
    const int32_t* species;    /* n_atoms: place in the model's list of species */
    double cell[9];            /* rows are the cell vectors */
    int pbc[3];                /* which of them are translations */
    size_t n_centres;          /* owned atoms whose values are wanted */
    const int64_t* centres;    /* n_centres: places among the atoms */
    const size_t* first;       /* n_centres + 1: centre i has neighbours[first[i]] to
                                  neighbours[first[i + 1] - 1]; NULL: no list */
    const int32_t* neighbours; /* first[n_centres]: places among the atoms, both i of j and j of i;
                                  those at or beyond the cutoff are left out */
} glassnmr_atoms;

/*
 * values: n_centres x n_targets, in their units. novelty, unless NULL: n_centres numbers, from
 * which the errors follow, eq. (9.12). Same bits for any n_threads.
 */
GLASSNMR_API glassnmr_status glassnmr_model_predict(const glassnmr_model* model,
                                                    const glassnmr_atoms* atoms, int n_threads,
                                                    double* values, double* novelty);

/*
 * The adjoint, eq. (10.4): from the derivatives of a number L by the values (n_centres x n_targets)
 * to those by the positions (n_atoms x 3; a ghost's share belongs to the atom that it is an image
 * of) and, unless NULL, by a strain of space (9 numbers; the virial is minus that of an energy).
 * Both are overwritten. Same bits for any n_threads.
 */
GLASSNMR_API glassnmr_status glassnmr_model_gradient(const glassnmr_model* model,
                                                     const glassnmr_atoms* atoms,
                                                     const double* dl_dvalues, int n_threads,
                                                     double* dl_dpositions, double* dl_dstrain);

/* Both for one centre whose n neighbours are given by vectors (n x 3) from it, and species. */
GLASSNMR_API glassnmr_status glassnmr_model_environment(const glassnmr_model* model, size_t n,
                                                        const double* vectors,
                                                        const int32_t* species, double* values,
                                                        double* novelty);
GLASSNMR_API glassnmr_status glassnmr_model_environment_gradient(const glassnmr_model* model,
                                                                 size_t n, const double* vectors,
                                                                 const int32_t* species,
                                                                 const double* dl_dvalues,
                                                                 double* dl_dvectors);

/* From values (n x n_targets) to what follows from them: derived, n x n_derived. */
GLASSNMR_API glassnmr_status glassnmr_model_derive(const glassnmr_model* model, size_t n,
                                                   const double* values, double* derived);

/* From the derivatives of a number L by the derived (n x n_derived) to those by the values
 * (n x n_targets, overwritten), eq. (10.7): what glassnmr_model_gradient takes. */
GLASSNMR_API glassnmr_status glassnmr_model_derive_gradient(const glassnmr_model* model, size_t n,
                                                            const double* values,
                                                            const double* dl_dderived,
                                                            double* dl_dvalues);

/* One standard deviation of the model's errors in values (n x n_targets) and in what follows from
 * them (n x n_derived), eq. (9.12), (9.32) to (9.34); an output may be NULL. */
GLASSNMR_API glassnmr_status glassnmr_model_deviations(const glassnmr_model* model, size_t n,
                                                       const double* values, const double* novelty,
                                                       double* of_values, double* of_derived);

/* The same for half widths of the intervals that hold a share `level` of values (0.6827, 0.9),
 * eq. (9.13); fails for a model or level that was not calibrated. */
GLASSNMR_API glassnmr_status glassnmr_model_half_widths(const glassnmr_model* model, double level,
                                                        size_t n, const double* values,
                                                        const double* novelty, double* of_values,
                                                        double* of_derived);

#ifdef __cplusplus
}
#endif
#endif
