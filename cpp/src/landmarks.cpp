// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <cmath>
#include <glassnmr/landmarks.hpp>
#include <limits>

#include "kernel_rows.hpp"
#include "pursuit.hpp"

namespace glassnmr {

namespace {

/// Scores that change by plain kernel rows: least distance to those chosen, or the entropy they
/// would have.
class Spread {
public:
    enum class Rule { distance, entropy };

    /// `kept` (count, n), if not null, receives the kernel's rows of those chosen.
    Spread(const KernelSource& source, Rule rule, bool uniform_start, double* kept, int n_threads)
        : kernel_(source, n_threads),
          rule_(rule),
          kept_(kept),
          score_(source.n),
          diagonal_(source.n) {
        for (std::size_t i = 0; i < n(); ++i) {
            diagonal_[i] = kernel_.diagonal(i);
            largest_ = std::max(largest_, diagonal_[i]);
            score_[i] = rule == Rule::entropy ? -diagonal_[i] : uniform_start ? 1 : diagonal_[i];
        }
        taken_.assign(n(), false);
    }

    std::size_t n() const { return kernel_.size(); }
    int n_threads() const { return kernel_.n_threads(); }
    const double* score() const { return score_.data(); }
    std::size_t count() const { return chosen_.size(); }
    const std::vector<std::int64_t>& chosen() const { return chosen_; }
    std::size_t behind() const { return 0; }
    void settle(std::size_t, const std::size_t*, double*) const {}
    bool worth(double score) const {
        return rule_ == Rule::entropy ? score > worst()
                                      : chosen_.empty() || score > 1e-14 * largest_;
    }
    bool open(std::size_t i) const { return !taken_[i] && worth(score_[i]); }
    bool done() const {
        return count() == n() || !worth(*std::max_element(score_.begin(), score_.end()));
    }
    void square(std::size_t count, const std::size_t* index, double* out) const {
        kernel_.square(count, index, out);
    }
    void rows(std::size_t count, const std::size_t* index, double* out) const {
        kernel_.rows(count, index, out);
    }

    void take(std::size_t p, const double* row) {
        for (std::size_t j = 0; j < n(); ++j) {
            score_[j] = changed(score_[j], diagonal_[j], diagonal_[p], row[j], chosen_.empty());
        }
        score_[p] = worst();
        taken_[p] = true;
        if (kept_) std::copy_n(row, n(), kept_ + count() * n());
        chosen_.push_back(static_cast<std::int64_t>(p));
    }

    /// Called with `number` chosen, this one included.
    void local(std::size_t count, std::size_t c, std::size_t number, const double* square,
               double* score) const {
        for (std::size_t j = 0; j < count; ++j) {
            score[j] = changed(score[j], square[j * count + j], square[c * count + c],
                               square[c * count + j], number == 1 && chosen_.empty());
        }
        score[c] = worst();
    }

private:
    double worst() const {
        return rule_ == Rule::entropy ? -std::numeric_limits<double>::infinity() : 0;
    }

    double changed(double score, double own, double other, double between, bool first) const {
        if (score == worst() && !first) return score;
        if (rule_ == Rule::entropy) return score - 2 * between;
        const double distance = std::max(own + other - 2 * between, 0.0);
        return first ? distance : std::min(score, distance);
    }

    KernelRows kernel_;
    Rule rule_;
    double* kept_;
    Buffer score_, diagonal_;
    std::vector<bool> taken_;
    std::vector<std::int64_t> chosen_;
    double largest_ = 0;
};

std::vector<std::int64_t> spread(const KernelSource& source, Spread::Rule rule, std::size_t count,
                                 double* kept, int n_threads) {
    Spread state(source, rule, false, kept, n_threads);
    greedy_pursuit(state, count);
    return state.chosen();
}

/// Lloyd's iterations from k-means++ seeds, each centre then moved to the nearest row that is free.
class KMeans {
public:
    KMeans(const KernelSource& source, std::size_t count, std::uint64_t seed, int n_threads)
        : source_(source), n_threads_(n_threads), of_(source.n, 0), near_(source.n) {
        if (source.d > 2 * sketch_size) {
            const Buffer sketch = sketched();
            KernelSource small = source;
            small.d = sketch_size, small.X = sketch.data();
            KMeans found(small, count, seed, n_threads);
            of_ = std::move(found.of_);
            m_ = number_clusters(found.m_);
            centres_.resize(m_ * source.d);
            average();
            parallel_for(source.n, n_threads, [&](std::size_t i) {
                near_[i] = squared_distance(source.X + i * source.d, of_[i]);
            });
            return;
        }
        KernelSource plain = source;
        plain.kernel = Kernel{KernelKind::linear};
        Spread seeds(plain, Spread::Rule::distance, true, nullptr, n_threads);
        random_pursuit(seeds, count, seed);
        const std::size_t d = source.d;
        for (const std::int64_t p : seeds.chosen()) {
            const double* x = source.X + static_cast<std::size_t>(p) * d;
            centres_.insert(centres_.end(), x, x + d);
        }
        m_ = seeds.count();
        for (int turn = 0; turn < most_turns; ++turn) {
            if (assign() <= source.n / 100 && turn > 0) break;
            average();
        }
        assign();
    }

    /// The row nearest to each centre among its own.
    std::vector<std::int64_t> rows() const {
        std::vector<std::size_t> order(source_.n);
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::stable_sort(order.begin(), order.end(),
                         [&](std::size_t a, std::size_t b) { return near_[a] < near_[b]; });
        std::vector<std::int64_t> best(m_, -1), found;
        for (const std::size_t i : order) {
            if (best[of_[i]] < 0) best[of_[i]] = static_cast<std::int64_t>(i);
        }
        for (const std::int64_t i : best) {
            if (i >= 0) found.push_back(i);
        }
        return found;
    }

private:
    static constexpr int most_turns = 10;
    static constexpr std::size_t sketch_size = 128;  // columns that stand for longer rows

    /// Rows (n, sketch_size) whose distances are about those of X: products with random signs.
    Buffer sketched() const {
        const std::size_t n = source_.n, d = source_.d, block = KernelRows::block;
        std::mt19937_64 random(1);
        const double one = 1 / std::sqrt(static_cast<double>(sketch_size));
        std::vector<double> signs(sketch_size * d);
        for (double& s : signs) s = random() >> 63 ? one : -one;
        const PackedRows columns(Kernel{KernelKind::linear}, sketch_size, d, signs.data(),
                                 Precision::single, n_threads_);
        Buffer out(n * sketch_size);
        parallel_for((n + block - 1) / block, n_threads_, [&](std::size_t b) {
            const std::size_t i0 = b * block, rows = std::min(block, n - i0);
            columns.values(rows, source_.X + i0 * d, 0, sketch_size, out.data() + i0 * sketch_size,
                           sketch_size);
        });
        return out;
    }

    /// Renumbers the clusters that have rows; how many they are.
    std::size_t number_clusters(std::size_t most) {
        std::vector<std::size_t> size(most, 0), name(most, 0);
        for (const std::size_t c : of_) ++size[c];
        std::size_t used = 0;
        for (std::size_t c = 0; c < most; ++c) {
            if (size[c] > 0) name[c] = used++;
        }
        for (std::size_t& c : of_) c = name[c];
        return used;
    }

    /// Nearest centre of each row, by products in single precision: a landmark need not be the very
    /// best; how many changed.
    std::size_t assign() {
        const std::size_t d = source_.d, block = KernelRows::block;
        const PackedRows centres(Kernel{KernelKind::linear}, m_, d, centres_.data(),
                                 Precision::single, n_threads_);
        Buffer cc(m_);
        squared_norms(m_, d, centres_.data(), cc.data(), n_threads_);
        std::vector<std::size_t> changed((source_.n + block - 1) / block, 0);
        parallel_for(changed.size(), n_threads_, [&](std::size_t b) {
            const std::size_t i0 = b * block, rows = std::min(block, source_.n - i0);
            Buffer dots(rows * m_);
            centres.values(rows, source_.X + i0 * d, 0, m_, dots.data(), m_);
            for (std::size_t i = 0; i < rows; ++i) {
                double* dot = dots.data() + i * m_;
                for (std::size_t c = 0; c < m_; ++c) dot[c] = cc[c] - 2 * dot[c];
                const auto c = static_cast<std::size_t>(std::min_element(dot, dot + m_) - dot);
                changed[b] += of_[i0 + i] != c;
                of_[i0 + i] = c;
                near_[i0 + i] =
                    dot[c] + kernels().dot(d, source_.X + (i0 + i) * d, source_.X + (i0 + i) * d);
            }
        });
        return std::accumulate(changed.begin(), changed.end(), std::size_t{0});
    }

    double squared_distance(const double* x, std::size_t c) const {
        const double* centre = centres_.data() + c * source_.d;
        double sum = 0;
        for (std::size_t k = 0; k < source_.d; ++k) sum += (x[k] - centre[k]) * (x[k] - centre[k]);
        return sum;
    }

    /// Each centre becomes the mean of its rows; one without rows stays.
    void average() {
        const std::size_t d = source_.d, strip = 64;
        std::vector<double> size(m_, 0);
        for (const std::size_t c : of_) ++size[c];
        parallel_for((d + strip - 1) / strip, n_threads_, [&](std::size_t b) {
            const std::size_t k0 = b * strip, k1 = std::min(d, k0 + strip);
            for (std::size_t c = 0; c < m_; ++c) {
                if (size[c] > 0)
                    std::fill(centres_.begin() + static_cast<std::ptrdiff_t>(c * d + k0),
                              centres_.begin() + static_cast<std::ptrdiff_t>(c * d + k1), 0.0);
            }
            for (std::size_t i = 0; i < source_.n; ++i) {
                kernels().axpy(k1 - k0, 1 / size[of_[i]], source_.X + i * d + k0,
                               centres_.data() + of_[i] * d + k0);
            }
        });
    }

    const KernelSource& source_;
    int n_threads_;
    std::size_t m_ = 0;
    Buffer centres_;
    std::vector<std::size_t> of_;
    Buffer near_;
};

std::vector<std::int64_t> shuffled(std::size_t n, std::size_t count, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::vector<std::int64_t> rows(n);
    std::iota(rows.begin(), rows.end(), std::int64_t{0});
    for (std::size_t k = 0; k < count; ++k) {
        const auto other =
            k + static_cast<std::size_t>(uniform(random) * static_cast<double>(n - k));
        std::swap(rows[k], rows[std::min(other, n - 1)]);
    }
    rows.resize(count);
    return rows;
}

}  // namespace

LandmarkMethod landmark_method(const std::string& name) {
    if (name == "icd") return LandmarkMethod::icd;
    if (name == "rpcholesky") return LandmarkMethod::rpcholesky;
    if (name == "fps") return LandmarkMethod::fps;
    if (name == "entropy") return LandmarkMethod::entropy;
    if (name == "kmeans") return LandmarkMethod::kmeans;
    if (name == "random") return LandmarkMethod::random;
    invalid("landmarks must be icd, rpcholesky, fps, entropy, kmeans or random, got " + name);
}

std::size_t select_landmarks(const KernelSource& source, LandmarkMethod method, std::size_t count,
                             double tolerance, std::uint64_t seed, std::int64_t* index,
                             double* residual, double* factor, int n_threads) {
    count = std::min(count, source.n);
    std::vector<std::int64_t> order;
    switch (method) {
        case LandmarkMethod::icd:
            return incomplete_cholesky(source, count, tolerance, index, residual, factor,
                                       n_threads);
        case LandmarkMethod::rpcholesky:
            return random_cholesky(source, count, tolerance, seed, index, residual, factor,
                                   n_threads);
        case LandmarkMethod::fps:
            order = spread(source, Spread::Rule::distance, count, factor, n_threads);
            break;
        case LandmarkMethod::entropy:
            order = spread(source, Spread::Rule::entropy, count, factor, n_threads);
            break;
        case LandmarkMethod::kmeans:
            if (source.precomputed)
                invalid("landmarks kmeans needs features, not a precomputed kernel");
            order = KMeans(source, count, seed, n_threads).rows();
            break;
        case LandmarkMethod::random:
            order = shuffled(source.n, count, seed);
            break;
    }
    const bool made = method == LandmarkMethod::fps || method == LandmarkMethod::entropy;
    return ordered_cholesky(source, order.size(), order.data(), tolerance, index, residual, factor,
                            n_threads, made);
}

}  // namespace glassnmr
