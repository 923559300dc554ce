// SPDX-License-Identifier: BSD-3-Clause
#include <glassnmr/glassnmr.h>

#include <algorithm>
#include <glassnmr/config.hpp>
#include <glassnmr/neighbours.hpp>
#include <glassnmr/soap.hpp>
#include <memory>
#include <string>

#include "c_border.hpp"

struct glassnmr_neighbours {
    glassnmr::Neighbours found;
};

struct glassnmr_soap {
    glassnmr::Soap soap;
};

namespace glassnmr {

namespace {

thread_local std::string last_error;

}  // namespace

glassnmr_status fail(glassnmr_status status, const char* message) noexcept {
    try {
        last_error = message;
    } catch (...) {
        last_error.clear();
    }
    return status;
}

const char* last_message() noexcept { return last_error.c_str(); }

}  // namespace glassnmr

using glassnmr::guarded;
using glassnmr::require;

int glassnmr_abi_version(void) { return GLASSNMR_ABI_VERSION; }

const char* glassnmr_version(void) { return glassnmr::version(); }

const char* glassnmr_last_error(void) { return glassnmr::last_message(); }

glassnmr_status glassnmr_level(const char** level) {
    return guarded([&] {
        require(level, "level");
        *level = glassnmr::level_in_use();
    });
}

int glassnmr_default_threads(void) { return glassnmr::default_threads(); }

glassnmr_status glassnmr_neighbours_create(size_t n_atoms, const double* positions,
                                           const double* cell, const int* pbc, double cutoff,
                                           int n_threads, glassnmr_neighbours** neighbours) {
    return guarded([&] {
        require(positions, "positions", n_atoms);
        require(cell, "cell");
        require(pbc, "pbc");
        require(neighbours, "neighbours");
        glassnmr::Atoms atoms;
        atoms.n = n_atoms;
        atoms.positions = positions;
        std::copy_n(cell, 9, atoms.cell.begin());
        for (std::size_t k = 0; k < 3; ++k) atoms.pbc[k] = pbc[k] != 0;
        auto made = std::make_unique<glassnmr_neighbours>();
        made->found = glassnmr::neighbours(atoms, cutoff, n_threads);
        *neighbours = made.release();
    });
}

glassnmr_status glassnmr_neighbours_view(const glassnmr_neighbours* neighbours,
                                         const size_t** first, const int32_t** index,
                                         const double** vector) {
    return guarded([&] {
        require(neighbours, "neighbours");
        if (first) *first = neighbours->found.first.data();
        if (index) *index = neighbours->found.index.data();
        if (vector) *vector = neighbours->found.vector.data();
    });
}

void glassnmr_neighbours_free(glassnmr_neighbours* neighbours) { delete neighbours; }

glassnmr_soap_settings glassnmr_soap_defaults(void) {
    const glassnmr::SoapSettings s;
    return {glassnmr::radial_name(s.radial.kind),
            s.radial.cutoff,
            s.n_species,
            s.radial.n_max,
            s.radial.l_max,
            s.radial.sigma,
            s.two_body,
            s.three_body,
            s.two_body_weight,
            s.three_body_weight};
}

glassnmr_status glassnmr_soap_create(const glassnmr_soap_settings* settings, glassnmr_soap** soap) {
    return guarded([&] {
        require(settings, "settings");
        require(settings->basis, "settings->basis");
        require(soap, "soap");
        glassnmr::SoapSettings s;
        s.radial.kind = glassnmr::radial_kind(settings->basis);
        s.radial.cutoff = settings->cutoff;
        s.radial.n_max = settings->n_max;
        s.radial.l_max = settings->l_max;
        s.radial.sigma = settings->sigma;
        s.n_species = settings->n_species;
        s.two_body = settings->two_body != 0;
        s.three_body = settings->three_body != 0;
        s.two_body_weight = settings->two_body_weight;
        s.three_body_weight = settings->three_body_weight;
        *soap = new glassnmr_soap{glassnmr::Soap(std::move(s))};
    });
}

size_t glassnmr_soap_n_features(const glassnmr_soap* soap) {
    return soap ? soap->soap.n_features() : 0;
}

glassnmr_status glassnmr_soap_environment(const glassnmr_soap* soap, size_t n,
                                          const double* vectors, const int32_t* species,
                                          double* row) {
    return guarded([&] {
        require(soap, "soap");
        require(vectors, "vectors", n);
        require(species, "species", n);
        require(row, "row");
        soap->soap.environment(n, vectors, species, row);
    });
}

void glassnmr_soap_free(glassnmr_soap* soap) { delete soap; }
