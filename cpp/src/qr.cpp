// SPDX-License-Identifier: BSD-3-Clause
#include "qr.hpp"

#include <algorithm>

#include "kernels/kernels.hpp"
#include "parallel.hpp"

namespace glassnmr {

namespace {

constexpr std::size_t panel = 96;  // columns factored before the rest is brought up to date

/// B <- Q^(T) B of one panel, each thread a share of the columns: what happens to one does not
/// depend on the others.
void apply_to(std::size_t rows, std::size_t cols, const double* a, std::size_t lda, const double* t,
              bool transposed, std::size_t n_rhs, double* b, std::size_t ldb, int n_threads) {
    const auto threads = static_cast<std::size_t>(resolve_threads(n_threads));
    const std::size_t share = std::max<std::size_t>(24, (n_rhs + threads - 1) / threads);
    parallel_for((n_rhs + share - 1) / share, n_threads, [&](std::size_t k) {
        const std::size_t first = k * share;
        kernels().apply_panel(rows, cols, a, lda, t, panel, transposed,
                              std::min(share, n_rhs - first), b + first * ldb, ldb);
    });
}

}  // namespace

PanelQr::PanelQr(std::size_t rows, std::size_t cols, double* a, std::size_t lda, int n_threads)
    : rows_(rows), cols_(cols), lda_(lda), a_(a), t_(cols * panel) {
    for (std::size_t j = 0; j < cols; j += panel) {
        const std::size_t here = std::min(panel, cols - j);
        double *from = a + j * lda + j, *t = t_.data() + j * panel;
        kernels().qr_panel(rows - j, here, from, lda, t, panel);
        apply_to(rows - j, here, from, lda, t, true, cols - j - here, from + here * lda, lda,
                 n_threads);
    }
}

void PanelQr::apply(bool transposed, std::size_t n_rhs, double* b, std::size_t ldb,
                    int n_threads) const {
    const std::size_t count = (cols_ + panel - 1) / panel;
    for (std::size_t k = 0; k < count; ++k) {
        const std::size_t j = (transposed ? k : count - 1 - k) * panel;
        apply_to(rows_ - j, std::min(panel, cols_ - j), a_ + j * lda_ + j, lda_,
                 t_.data() + j * panel, transposed, n_rhs, b + j, ldb, n_threads);
    }
}

void damped_qr(std::size_t n, const double* R, std::size_t ldr, double root, std::size_t n_rhs,
               double* C, double* lower, int n_threads) {
    // Each column has room for a panel's rows of R above its rows of the diagonal, of which only
    // those up to the panel have been filled.
    const std::size_t ld = panel + n, columns = n + n_rhs;
    Buffer work(columns * ld, 0.0), t(panel * panel);
    for (std::size_t j = 0; j < n; ++j) work[j * ld + panel + j] = root;
    std::fill_n(lower, n * n, 0.0);
    for (std::size_t j0 = 0; j0 < n; j0 += panel) {
        const std::size_t here = std::min(panel, n - j0), top = panel - here;
        for (std::size_t j = j0; j < columns; ++j) {
            const double* from = (j < n ? R + j * ldr : C + (j - n) * n) + j0;
            const std::size_t filled = j < n ? std::min(here, j - j0 + 1) : here;
            std::fill(std::copy_n(from, filled, work.data() + j * ld + top),
                      work.data() + j * ld + panel, 0.0);
        }
        double* from = work.data() + j0 * ld + top;
        const std::size_t rows = here + j0 + here;
        kernels().qr_panel(rows, here, from, ld, t.data(), panel);
        apply_to(rows, here, from, ld, t.data(), true, columns - j0 - here, from + here * ld, ld,
                 n_threads);
        for (std::size_t j = j0; j < columns; ++j) {
            const double* row = work.data() + j * ld + top;
            if (j < n) {
                std::copy_n(row, std::min(here, j - j0 + 1), lower + j * n + j0);
            } else {
                std::copy_n(row, here, C + (j - n) * n + j0);
            }
        }
    }
}

}  // namespace glassnmr
