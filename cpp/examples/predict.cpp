// SPDX-License-Identifier: BSD-3-Clause
// predict MODEL: NMR parameters of a molecule or cluster. Input: a line "species x y z" an atom, Å.
#include <algorithm>
#include <glassnmr/model.hpp>
#include <iostream>

int main(int argc, char** argv) try {
    const auto model = glassnmr::Model::load(argc > 1 ? argv[1] : "model.gnmr");
    const auto& parts = model.parts();
    std::vector<double> positions;
    std::vector<std::int32_t> species;
    std::vector<std::int64_t> centres;
    double x, y, z;
    for (std::string symbol; std::cin >> symbol >> x >> y >> z;) {
        if (symbol == parts.centre) centres.push_back(static_cast<std::int64_t>(species.size()));
        const auto at = std::find(parts.species.begin(), parts.species.end(), symbol);
        species.push_back(static_cast<std::int32_t>(at - parts.species.begin()));
        positions.insert(positions.end(), {x, y, z});
    }
    const glassnmr::Atoms atoms{species.size(),
                                positions.data(),
                                species.data(),
                                {1, 0, 0, 0, 1, 0, 0, 0, 1},
                                {false, false, false}};
    std::vector<double> values(centres.size() * model.n_targets());
    model.predict(atoms, centres.size(), centres.data(), values.data());
    std::cout.precision(10);
    for (std::size_t i = 0; i < centres.size(); ++i)
        std::cout << "atom " << centres[i] << ' ' << parts.targets[0] << ' '
                  << values[i * model.n_targets()] << ' ' << parts.units[0] << '\n';
} catch (const std::exception& e) {
    std::cout << e.what() << '\n';
    return 1;
}
