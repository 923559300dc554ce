// SPDX-License-Identifier: BSD-3-Clause
#include <cmath>
#include <glassnmr/moving.hpp>
#include <stdexcept>
#include <thread>
#include <vector>

#include "check.hpp"
#include "small_model.hpp"

namespace {

/// A chain of both species, with images along it.
struct Chain {
    std::vector<double> positions;
    std::vector<std::int32_t> species;
    std::vector<std::int64_t> centres;
    glassnmr::Atoms atoms;

    explicit Chain(std::size_t n) {
        for (std::size_t i = 0; i < n; ++i) {
            const auto k = static_cast<double>(i);
            const double r[3] = {1.7 * k, 0.4 * std::sin(k), 0.3 * std::cos(1.7 * k)};
            positions.insert(positions.end(), r, r + 3);
            species.push_back(i % 3 == 0);
            if (i % 3 == 0) centres.push_back(static_cast<std::int64_t>(i));
        }
        atoms = {n,
                 positions.data(),
                 species.data(),
                 {1.7 * static_cast<double>(n), 0, 0, 0, 9, 0, 0, 0, 9},
                 {true, false, false}};
    }
};

std::vector<double> predict(const glassnmr::Model& model, const Chain& chain, int n_threads) {
    std::vector<double> out(chain.centres.size() * model.n_targets());
    model.predict(chain.atoms, chain.centres.size(), chain.centres.data(), out.data(), n_threads);
    return out;
}

}  // namespace

TEST("one model serves many threads with the same bits") {
    const glassnmr::Model model = small_model();
    const Chain chain(300);
    std::vector<std::vector<double>> values(8), forces(8);
    const std::vector<double> ones(chain.centres.size() * model.n_targets(), 1.0);
    std::vector<std::thread> threads;
    for (std::size_t k = 0; k < 8; ++k) {
        threads.emplace_back([&, k] {
            for (int again = 0; again < 5; ++again) {
                values[k] = predict(model, chain, 1 + static_cast<int>(k % 2));
                forces[k].resize(chain.positions.size());
                double strain[9];
                model.gradient(chain.atoms, chain.centres.size(), chain.centres.data(), ones.data(),
                               forces[k].data(), strain, 1);
            }
        });
    }
    for (auto& thread : threads) thread.join();
    for (std::size_t k = 1; k < 8; ++k) CHECK(values[k] == values[0] && forces[k] == forces[0]);
}

TEST("a moving structure has the values of a fresh evaluation, and goes back to the bit") {
    const auto model = std::make_shared<const glassnmr::Model>(small_model());
    const std::size_t T = model->n_targets();
    Chain chain(60);
    glassnmr::MovingStructure moving(model, chain.atoms, 1);
    const std::vector<double> start(moving.values(), moving.values() + 60 * T);
    const double place[3] = {20.3, 1.1, 0.4};
    const auto& touched = moving.move(12, place);
    CHECK(!touched.empty() && touched.size() < 8);
    std::copy_n(place, 3, &chain.positions[36]);
    const std::vector<double> fresh = predict(*model, chain, 1);
    for (std::size_t k = 0; k < chain.centres.size(); ++k) {
        for (std::size_t t = 0; t < T; ++t) {
            const double found =
                moving.values()[static_cast<std::size_t>(chain.centres[k]) * T + t];
            CHECK(std::abs(found - fresh[k * T + t]) < 1e-11);
        }
    }
    moving.insert(1, std::vector<double>{50, 2, 2}.data());
    moving.swap(3, 4);
    moving.remove(7);
    CHECK(moving.size() == 60 && moving.n_changes() == 4);
    for (int k = 0; k < 4; ++k) moving.undo();
    CHECK(std::vector<double>(moving.values(), moving.values() + 60 * T) == start);
    CHECK(check::throws<std::invalid_argument>([&] { moving.undo(); }, "no change"));
    CHECK(check::throws<std::invalid_argument>([&] { moving.move(60, place); }, "got 60"));
    const double on_another[3] = {moving.positions()[0], moving.positions()[1],
                                  moving.positions()[2]};
    CHECK(check::throws<std::invalid_argument>([&] { moving.move(5, on_another); }, "atom 0"));
}
