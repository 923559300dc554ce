// SPDX-License-Identifier: BSD-3-Clause
// Choosing rows one after the other by a score, at the speed of matrix products: THEORY.md eq.
// (8.5).
//
// A State knows the scores and how a chosen row changes them:
//   n(), score() -> const double* (n), count() chosen so far, done() -> bool
//   worth(score) -> whether such a row may be chosen, open(i) -> whether row i may
//   square(count, index, out)   its matrix between a few rows, as it is now
//   rows(count, index, out)     its matrix (count, n), as it is now
//   behind() -> how many choices the rows made earlier lag; settle(count, index, out) brings them
//   up to date take(p, row)                choose p, given its (possibly lagging) row local(count,
//   c, number, square, score)  the same for a few scores and their square, with c the number-th
//   choice
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

#include "aligned.hpp"

namespace glassnmr {

constexpr std::size_t pursuit_rows = 48;    // rows made at once
constexpr std::size_t pursuit_ahead = 144;  // rows looked at to guess which
constexpr std::size_t pursuit_stock = 256;  // rows kept for later
constexpr std::size_t pursuit_lag = 64;  // choices after which rows in stock are brought up to date

/// Best of the scores; the lowest index among equals.
template <class State>
std::size_t best_row(const State& state) {
    const double* score = state.score();
    return static_cast<std::size_t>(std::max_element(score, score + state.n()) - score);
}

/// Rows of the state's matrix in stock, because they were guessed to be chosen soon.
template <class State>
class Stock {
public:
    explicit Stock(State& state) : state_(state), place_(state.n(), none) {
        rows_.reserve(std::min(state.n(), pursuit_stock + pursuit_rows) * state.n());
    }

    static constexpr std::size_t none = static_cast<std::size_t>(-1);

    const double* row(std::size_t p) const {
        return place_[p] == none ? nullptr : rows_.data() + place_[p] * state_.n();
    }

    void remove(std::size_t p) {
        const std::size_t at = place_[p], last = held_.size() - 1, n = state_.n();
        if (at != last) {
            std::copy_n(rows_.data() + last * n, n, rows_.data() + at * n);
            held_[at] = held_[last];
            place_[held_[at]] = at;
        }
        held_.pop_back();
        place_[p] = none;
    }

    void settle() { state_.settle(held_.size(), held_.data(), rows_.data()); }

    /// Make the rows that a pursuit among the best scores would choose next.
    void refill(std::size_t wanted) {
        settle();
        while (held_.size() > pursuit_stock) {  // the least likely go
            const double* score = state_.score();
            remove(*std::min_element(held_.begin(), held_.end(), [&](std::size_t a, std::size_t b) {
                return score[a] < score[b];
            }));
        }
        const std::vector<std::size_t> next = guess(std::min(wanted, pursuit_rows));
        const std::size_t from = held_.size();
        rows_.resize((from + next.size()) * state_.n());
        state_.rows(next.size(), next.data(), rows_.data() + from * state_.n());
        for (const std::size_t p : next) {
            place_[p] = held_.size();
            held_.push_back(p);
        }
    }

private:
    std::vector<std::size_t> guess(std::size_t wanted) const {
        const double* score = state_.score();
        std::vector<std::size_t> index;
        for (std::size_t i = 0; i < state_.n(); ++i) {
            if (place_[i] == none && state_.open(i)) index.push_back(i);
        }
        const auto better = [&](std::size_t a, std::size_t b) {
            return score[a] != score[b] ? score[a] > score[b] : a < b;
        };
        const std::size_t q = std::min(index.size(), std::min(pursuit_ahead, 3 * wanted));
        std::nth_element(index.begin(), index.begin() + static_cast<std::ptrdiff_t>(q ? q - 1 : 0),
                         index.end(), better);
        index.resize(q);
        std::sort(index.begin(), index.end(), better);
        if (q <= wanted) return index;
        Buffer square(q * q), local(q);
        state_.square(q, index.data(), square.data());
        for (std::size_t i = 0; i < q; ++i) local[i] = score[index[i]];
        std::vector<std::size_t> chosen;
        while (chosen.size() < wanted) {
            const auto c = static_cast<std::size_t>(std::max_element(local.begin(), local.end()) -
                                                    local.begin());
            if (!state_.worth(local[c])) break;
            chosen.push_back(index[c]);
            state_.local(q, c, chosen.size(), square.data(), local.data());
        }
        return chosen.empty() ? std::vector<std::size_t>(index.begin(), index.begin() + 1) : chosen;
    }

    State& state_;
    std::vector<std::size_t> place_, held_;
    Buffer rows_;
};

/// Choose the best score each time, exactly as if every row were made when it is needed.
template <class State>
void greedy_pursuit(State& state, std::size_t count) {
    Stock<State> stock(state);
    while (state.count() < count && !state.done()) {
        const std::size_t p = best_row(state);
        if (!stock.row(p)) stock.refill(count - state.count());
        state.take(p, stock.row(p));
        stock.remove(p);
        if (state.behind() >= pursuit_lag) stock.settle();
    }
}

/// A uniform number in [0, 1) that is the same on every platform.
inline double uniform(std::mt19937_64& random) {
    return static_cast<double>(random() >> 11) * 0x1.0p-53;
}

/// Choose with probability proportional to the score, by drafts from the scores at the start of a
/// block that are accepted with the ratio of the score now to the score then: the same distribution
/// as one by one.
template <class State>
void random_pursuit(State& state, std::size_t count, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    Buffer sums(state.n()), square, local, rows;
    while (state.count() < count && !state.done()) {
        std::partial_sum(state.score(), state.score() + state.n(), sums.begin());
        if (!(sums.back() > 0)) return;
        // The first is alone: some states only have true scores once there is one to compare with.
        std::vector<std::size_t> drafts(state.count() ? pursuit_rows : 1), chosen;
        for (auto& p : drafts) {
            const double at = uniform(random) * sums.back();
            const auto found = std::upper_bound(sums.begin(), sums.end(), at);
            p = static_cast<std::size_t>(std::min(found, sums.end() - 1) - sums.begin());
        }
        const std::size_t q = drafts.size();
        square.resize(q * q);
        local.resize(q);
        state.square(q, drafts.data(), square.data());
        for (std::size_t c = 0; c < q; ++c) local[c] = state.score()[drafts[c]];
        for (std::size_t c = 0; c < q && state.count() + chosen.size() < count; ++c) {
            if (uniform(random) * state.score()[drafts[c]] >= local[c] || !state.worth(local[c]))
                continue;
            chosen.push_back(drafts[c]);
            state.local(q, c, state.count() + chosen.size(), square.data(), local.data());
        }
        rows.resize(chosen.size() * state.n());
        state.rows(chosen.size(), chosen.data(), rows.data());
        for (std::size_t c = 0; c < chosen.size() && !state.done(); ++c) {
            state.take(chosen[c], rows.data() + c * state.n());
        }
        state.settle(0, nullptr, nullptr);
    }
}

/// Choose what is given, in that order; make(from, count, rows) makes the rows (count, n) of the
/// state's matrix for the entries of `order` from there on.
template <class State, class Make>
void ordered_pursuit(State& state, std::size_t count, const std::size_t* order, const Make& make) {
    Buffer rows;
    for (std::size_t from = 0; from < count && !state.done(); from += pursuit_rows) {
        const std::size_t here = std::min(pursuit_rows, count - from);
        rows.resize(here * state.n());
        make(from, here, rows.data());
        for (std::size_t c = 0; c < here && !state.done(); ++c)
            state.take(order[from + c], rows.data() + c * state.n());
        state.settle(0, nullptr, nullptr);
    }
}

}  // namespace glassnmr
