// SPDX-License-Identifier: BSD-3-Clause
#include <array>
#include <cmath>
#include <cstdint>
#include <glassnmr/config.hpp>
#include <glassnmr/neighbours.hpp>
#include <glassnmr/soap.hpp>
#include <limits>
#include <stdexcept>
#include <vector>

#include "check.hpp"

namespace {

/// A cubic cell of 4 Å with two kinds of atoms, as in caesium chloride.
struct Crystal {
    std::array<double, 6> positions{0, 0, 0, 2, 2, 2};
    std::array<std::int32_t, 2> species{0, 1};

    glassnmr::Atoms atoms() const {
        glassnmr::Atoms view;
        view.n = 2;
        view.positions = positions.data();
        view.species = species.data();
        view.cell = {4, 0, 0, 0, 4, 0, 0, 0, 4};
        view.pbc = {true, true, true};
        return view;
    }
};

glassnmr::Soap soap_of_two_species() {
    glassnmr::SoapSettings settings;
    settings.n_species = 2;
    settings.radial.cutoff = 5;
    settings.radial.n_max = 4;
    settings.radial.l_max = 3;
    return glassnmr::Soap(settings);
}

}  // namespace

TEST("caesium chloride has 8 + 6 neighbours within 4.1 A") {
    const Crystal crystal;
    const auto found = glassnmr::neighbours(crystal.atoms(), 4.1);
    CHECK(found.first.size() == 3 && found.first[1] == 14 && found.first[2] == 28);
    for (std::size_t k = 0; k < found.index.size(); ++k) {
        const double* v = &found.vector[3 * k];
        const double r = std::sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
        CHECK(std::abs(r - std::sqrt(12.0)) < 1e-12 || std::abs(r - 4) < 1e-12);
    }
}

TEST("the row of a caller's own neighbours equals the row of the structure") {
    const Crystal crystal;
    const auto soap = soap_of_two_species();
    const auto found = glassnmr::neighbours(crystal.atoms(), 5);
    const std::int64_t centre = 1;
    std::vector<double> row(soap.n_features()), own(soap.n_features());
    soap.transform(crystal.atoms(), 1, &centre, row.data());

    std::vector<std::int32_t> species;
    for (std::size_t k = found.first[1]; k < found.first[2]; ++k) {
        species.push_back(crystal.species[static_cast<std::size_t>(found.index[k])]);
    }
    soap.environment(species.size(), &found.vector[3 * found.first[1]], species.data(), own.data());
    double largest = 0;
    for (std::size_t f = 0; f < row.size(); ++f) {
        largest = std::fmax(largest, std::abs(row[f]));
        CHECK(std::abs(row[f] - own[f]) < 1e-12);
    }
    CHECK(largest > 1e-3);
}

TEST("bad numbers are refused with the argument's name") {
    const Crystal crystal;
    const double nan = std::numeric_limits<double>::quiet_NaN();
    for (const double cutoff : {0.0, -1.0, nan, std::numeric_limits<double>::infinity()}) {
        CHECK(check::throws<std::invalid_argument>(
            [&] { glassnmr::neighbours(crystal.atoms(), cutoff); }, "cutoff"));
    }
    Crystal broken;
    broken.positions[4] = nan;
    CHECK(check::throws<std::invalid_argument>([&] { glassnmr::neighbours(broken.atoms(), 3); },
                                               "position"));
}

TEST("the level in use is one of the supported levels") {
    bool listed = false;
    for (const auto& level : glassnmr::supported_levels())
        listed = listed || level == glassnmr::level_in_use();
    CHECK(listed);
}
