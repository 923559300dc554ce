// SPDX-License-Identifier: BSD-3-Clause
#include "learning.hpp"

#include <glassnmr/landmarks.hpp>
#include <glassnmr/predictor.hpp>
#include <glassnmr/regression.hpp>
#include <optional>

#include "arrays.hpp"

namespace {

using glassnmr::Kernel;
using glassnmr::KernelSum;
using glassnmr::RidgePath;

constexpr auto size = [](py::ssize_t n) { return static_cast<std::size_t>(n); };

void require_matrix(const Array& a, const char* name) { require_shape(a, name, {-1, -1}); }

const double* optional_weights(const std::optional<Array>& weights, py::ssize_t n) {
    if (weights) require_shape(*weights, "sample_weight", {n});
    return weights ? weights->data() : nullptr;
}

KernelSum make_kernel(const std::string& name, double kappa, int degree, double offset) {
    const KernelSum kernel(Kernel{glassnmr::kernel_kind(name), kappa, degree, offset});
    glassnmr::check_kernel(kernel);
    return kernel;
}

/// Kernels of neighbouring columns, with their widths and weights.
KernelSum sum_kernels(const std::vector<KernelSum>& kernels, const std::vector<std::size_t>& widths,
                      const std::vector<double>& relevance) {
    if (kernels.size() != widths.size() || kernels.size() != relevance.size())
        glassnmr::invalid("a sum of kernels needs a width and a relevance for each");
    std::vector<glassnmr::KernelTerm> terms;
    std::size_t first = 0;
    for (std::size_t k = 0; k < kernels.size(); first += widths[k++]) {
        if (kernels[k].terms.size() != 1) glassnmr::invalid("a sum holds plain kernels, not sums");
        terms.push_back({kernels[k].terms[0].kernel, relevance[k], first, first + widths[k]});
    }
    KernelSum kernel(std::move(terms));
    glassnmr::check_kernel(kernel);
    return kernel;
}

Array kernel_matrix(const KernelSum& kernel, const Array& X, const std::optional<Array>& Y,
                    int n_threads) {
    require_matrix(X, "X");
    if (Y) require_shape(*Y, "Y", {-1, X.shape(1)});
    const py::ssize_t rows = X.shape(0), cols = Y ? Y->shape(0) : rows;
    Array out({rows, cols});
    const double *x = X.data(), *y = Y ? Y->data() : nullptr;
    double* to = out.mutable_data();
    const std::size_t d = size(X.shape(1));
    const py::gil_scoped_release nogil;
    if (y) {
        glassnmr::kernel_matrix(kernel, size(rows), size(cols), d, x, y, to, n_threads);
    } else {
        glassnmr::kernel_matrix(kernel, size(rows), d, x, to, n_threads);
    }
    return out;
}

Array kernel_diagonal(const KernelSum& kernel, const Array& X, int n_threads) {
    require_matrix(X, "X");
    Array out(X.shape(0));
    const double* x = X.data();
    double* to = out.mutable_data();
    const std::size_t n = size(X.shape(0)), d = size(X.shape(1));
    const py::gil_scoped_release nogil;
    glassnmr::kernel_diagonal(kernel, n, d, x, to, n_threads);
    return out;
}

Array squared_distances(const Array& X, int n_threads) {
    require_matrix(X, "X");
    Array out({X.shape(0), X.shape(0)});
    const double* x = X.data();
    double* to = out.mutable_data();
    const std::size_t n = size(X.shape(0)), d = size(X.shape(1));
    const py::gil_scoped_release nogil;
    glassnmr::squared_distances(n, d, x, to, n_threads);
    return out;
}

Array gaussian_from_distances(const Array& d2, double kappa, int n_threads) {
    Array out(std::vector<py::ssize_t>(d2.shape(), d2.shape() + d2.ndim()));
    const double* from = d2.data();
    double* to = out.mutable_data();
    const std::size_t n = size(d2.size());
    const py::gil_scoped_release nogil;
    std::copy_n(from, n, to);
    glassnmr::gaussian_from_distances(kappa, n, to, n_threads);
    return out;
}

glassnmr::VarianceParts variance_parts(const Array& cholesky, const std::optional<Array>& root,
                                       const std::optional<Array>& means, double total_weight) {
    require_shape(cholesky, "cholesky", {-1, cholesky.shape(0)});
    if (root) require_shape(*root, "root", {cholesky.shape(0), cholesky.shape(0)});
    if (means) require_shape(*means, "means", {cholesky.shape(0)});
    const auto copy = [](const Array& a) {
        return std::vector<double>(a.data(), a.data() + a.size());
    };
    return {copy(cholesky), root ? copy(*root) : std::vector<double>{},
            means ? copy(*means) : std::vector<double>{}, total_weight};
}

/// (values (n, T), spread (n, 2) or none).
py::tuple kernel_predict(const KernelSum& kernel, const Array& X, const Array& landmarks,
                         const Array& weights, const Array& bias,
                         const std::optional<glassnmr::VarianceParts>& variance,
                         const std::string& precision, int n_threads) {
    require_matrix(X, "X");
    require_shape(landmarks, "landmarks", {-1, X.shape(1)});
    require_shape(weights, "weights", {landmarks.shape(0), -1});
    require_shape(bias, "bias", {weights.shape(1)});
    const glassnmr::Precision how = precision_named(precision);
    Array out({X.shape(0), weights.shape(1)}), spread({variance ? X.shape(0) : 0, py::ssize_t{2}});
    const double *x = X.data(), *l = landmarks.data(), *w = weights.data(), *b = bias.data();
    double *to = out.mutable_data(), *spread_to = variance ? spread.mutable_data() : nullptr;
    const std::size_t n = size(X.shape(0)), m = size(landmarks.shape(0)), d = size(X.shape(1));
    const std::size_t n_targets = size(weights.shape(1));
    {
        const py::gil_scoped_release nogil;
        const glassnmr::Predictor predictor(kernel, m, d, l, n_targets, w, b,
                                            variance ? &*variance : nullptr);
        predictor.predict(n, x, to, spread_to, how, n_threads);
    }
    if (!variance) return py::make_tuple(out, py::none());
    return py::make_tuple(out, spread);
}

/// (index (m), residual (m), factor (m, n)); kernel None means that X is the kernel matrix.
py::tuple select_landmarks(const std::optional<KernelSum>& kernel, const Array& X,
                           const std::string& method, std::size_t count, double tolerance,
                           std::uint64_t seed, int n_threads) {
    require_matrix(X, "X");
    glassnmr::KernelSource source;
    source.n = size(X.shape(0));
    source.d = size(X.shape(1));
    source.X = X.data();
    source.precomputed = !kernel;
    if (kernel) source.kernel = *kernel;
    if (!kernel) require_shape(X, "a precomputed kernel", {X.shape(0), X.shape(0)});
    if (count == 0) glassnmr::invalid("n_landmarks must be at least 1, got 0");
    const auto most = static_cast<py::ssize_t>(std::min(count, source.n));
    py::array_t<std::int64_t> index(most);
    Array residual(most), factor({most, X.shape(0)});
    std::int64_t* i = index.mutable_data();
    double *r = residual.mutable_data(), *f = factor.mutable_data();
    std::size_t found;
    {
        const py::gil_scoped_release nogil;
        found = glassnmr::select_landmarks(source, glassnmr::landmark_method(method), count,
                                           tolerance, seed, i, r, f, n_threads);
    }
    const py::slice kept(0, static_cast<py::ssize_t>(found), 1);
    return py::make_tuple(index[kept], residual[kept], factor[kept]);
}

/// (v, bias), and with_root also (means, root).
py::tuple ridge(const Array& factor, const Array& y, double lam, const Int64Array& counts,
                const std::optional<Array>& weights, bool with_root, bool free_bias,
                int n_threads) {
    require_matrix(factor, "factor");
    require_shape(y, "y", {factor.shape(1), -1});
    require_shape(counts, "counts", {-1});
    const double *f = factor.data(), *w = optional_weights(weights, y.shape(0)), *from = y.data();
    const py::ssize_t rows = factor.shape(0), square = with_root ? rows : 0;
    Array v({counts.shape(0), rows, y.shape(1)}), bias({counts.shape(0), y.shape(1)});
    Array means(square), root({square, square});
    const std::int64_t* c = counts.data();
    double *v_to = v.mutable_data(), *b_to = bias.mutable_data();
    double* means_to = with_root ? means.mutable_data() : nullptr;
    double* root_to = with_root ? root.mutable_data() : nullptr;
    const std::size_t n = size(y.shape(0)), m = size(rows), n_targets = size(y.shape(1));
    const std::size_t n_counts = size(counts.shape(0));
    {
        const py::gil_scoped_release nogil;
        glassnmr::ridge(n, m, f, w, n_targets, from, lam, n_counts, c, v_to, b_to, n_threads,
                        means_to, root_to, free_bias);
    }
    if (with_root) return py::make_tuple(v, bias, means, root);
    return py::make_tuple(v, bias);
}

RidgePath ridge_path(const Array& factor, const std::optional<Array>& weights, bool free_bias,
                     int n_threads) {
    require_matrix(factor, "factor");
    const double *f = factor.data(), *w = optional_weights(weights, factor.shape(1));
    const std::size_t n = size(factor.shape(1)), m = size(factor.shape(0));
    const py::gil_scoped_release nogil;
    return RidgePath(n, m, f, w, n_threads, free_bias);
}

py::tuple solve(const RidgePath& path, const Array& y, const Array& lam) {
    require_shape(y, "y", {static_cast<py::ssize_t>(path.n()), -1});
    require_shape(lam, "lam", {-1});
    const auto m = static_cast<py::ssize_t>(path.m());
    Array v({lam.shape(0), m, y.shape(1)}), bias({lam.shape(0), y.shape(1)});
    double *v_to = v.mutable_data(), *b_to = bias.mutable_data();
    const double *from = y.data(), *l = lam.data();
    const std::size_t n_targets = size(y.shape(1)), n_lam = size(lam.shape(0));
    {
        const py::gil_scoped_release nogil;
        path.solve(n_targets, from, n_lam, l, v_to, b_to);
    }
    return py::make_tuple(v, bias);
}

Array leave_out(const RidgePath& path, const Array& y, const Int64Array& group,
                std::size_t n_groups, const Array& lam, int n_threads) {
    const auto n = static_cast<py::ssize_t>(path.n());
    require_shape(y, "y", {n, -1});
    require_shape(group, "group", {n});
    require_shape(lam, "lam", {-1});
    Array out({lam.shape(0), n, y.shape(1)});
    const double *from = y.data(), *l = lam.data();
    const std::int64_t* g = group.data();
    double* to = out.mutable_data();
    const std::size_t n_targets = size(y.shape(1)), n_lam = size(lam.shape(0));
    const py::gil_scoped_release nogil;
    path.leave_out(n_targets, from, n_groups, g, n_lam, l, to, n_threads);
    return out;
}

/// (alpha, bias); K is copied unless it may be overwritten.
Array leave_one_out(const Array& factor, const Array& y, double lam,
                    const std::optional<Array>& weights, int n_threads) {
    require_shape(factor, "factor", {-1, -1});
    require_shape(y, "y", {factor.shape(1), -1});
    if (weights) require_shape(*weights, "weights", {factor.shape(1)});
    const auto m = static_cast<std::size_t>(factor.shape(0)),
               n = static_cast<std::size_t>(factor.shape(1));
    const auto n_targets = static_cast<std::size_t>(y.shape(1));
    Array out({factor.shape(1), y.shape(1)});
    const double *f = factor.data(), *from = y.data(), *w = weights ? weights->data() : nullptr;
    double* to = out.mutable_data();
    const py::gil_scoped_release nogil;
    glassnmr::leave_one_out(n, m, f, w, n_targets, from, lam, to, n_threads);
    return out;
}

/// (alpha, bias, K overwritten by its factor).
py::tuple kernel_ridge(Array& K, const Array& y, double lam, const std::optional<Array>& weights) {
    require_matrix(K, "K");
    require_shape(K, "K", {K.shape(0), K.shape(0)});
    require_shape(y, "y", {K.shape(0), -1});
    Array alpha({y.shape(0), y.shape(1)}), bias(y.shape(1));
    const double *w = optional_weights(weights, y.shape(0)), *from = y.data();
    double *k = K.mutable_data(), *a = alpha.mutable_data(), *b = bias.mutable_data();
    const std::size_t n = size(y.shape(0)), n_targets = size(y.shape(1));
    {
        const py::gil_scoped_release nogil;
        glassnmr::kernel_ridge(n, k, w, n_targets, from, lam, a, b);
    }
    return py::make_tuple(alpha, bias, K);
}

Array solve_triangular(const Array& L, const Array& B, bool transposed, int n_threads) {
    require_shape(L, "L", {B.ndim() == 2 ? B.shape(0) : -1, B.ndim() == 2 ? B.shape(0) : -1});
    require_matrix(B, "B");
    Array out({B.shape(0), B.shape(1)});
    const double *l = L.data(), *from = B.data();
    double* to = out.mutable_data();
    const std::size_t n = size(B.shape(0)), columns = size(B.shape(1));
    const py::gil_scoped_release nogil;
    std::copy_n(from, n * columns, to);
    glassnmr::solve_triangular(n, l, transposed, columns, to, n_threads);
    return out;
}

}  // namespace

glassnmr::Precision precision_named(const std::string& name) {
    if (name == "double") return glassnmr::Precision::full;
    if (name == "single") return glassnmr::Precision::single;
    glassnmr::invalid("precision must be double or single, got " + name);
}

void bind_learning(py::module_& m) {
    py::class_<KernelSum>(m, "Kernel")
        .def(py::init(&make_kernel), "name"_a, py::kw_only(), "kappa"_a = 1.0, "degree"_a = 2,
             "offset"_a = 1.0)
        .def_static("sum", &sum_kernels, "kernels"_a, py::kw_only(), "widths"_a, "relevance"_a);
    py::class_<glassnmr::VarianceParts>(m, "Variance")
        .def(py::init(&variance_parts), py::kw_only(), "cholesky"_a, "root"_a = py::none(),
             "means"_a = py::none(), "total_weight"_a = 1.0);
    m.def("kernel_matrix", &kernel_matrix, "kernel"_a, "X"_a, "Y"_a = py::none(), py::kw_only(),
          "n_threads"_a = 0);
    m.def("kernel_diagonal", &kernel_diagonal, "kernel"_a, "X"_a, py::kw_only(), "n_threads"_a = 0);
    m.def("squared_distances", &squared_distances, "X"_a, py::kw_only(), "n_threads"_a = 0);
    m.def("gaussian_from_distances", &gaussian_from_distances, "d2"_a, py::kw_only(), "kappa"_a,
          "n_threads"_a = 0);
    m.def("kernel_predict", &kernel_predict, "kernel"_a, "X"_a, "landmarks"_a, "weights"_a,
          "bias"_a, py::kw_only(), "variance"_a = py::none(), "precision"_a = "double",
          "n_threads"_a = 0);
    m.def("select_landmarks", &select_landmarks, "kernel"_a.none(true), "X"_a, py::kw_only(),
          "method"_a, "count"_a, "tolerance"_a, "seed"_a = 0, "n_threads"_a = 0);
    m.def("ridge", &ridge, "factor"_a, "y"_a, py::kw_only(), "lam"_a, "counts"_a,
          "weights"_a = py::none(), "with_root"_a = false, "free_bias"_a = true, "n_threads"_a = 0);
    py::class_<RidgePath>(m, "RidgePath")
        .def(py::init(&ridge_path), "factor"_a, "weights"_a = py::none(), py::kw_only(),
             "free_bias"_a = true, "n_threads"_a = 0)
        .def("solve", &solve, "y"_a, "lam"_a)
        .def("leave_out", &leave_out, "y"_a, "group"_a, py::kw_only(), "n_groups"_a, "lam"_a,
             "n_threads"_a = 0);
    m.def("leave_one_out", &leave_one_out, "factor"_a, "y"_a, py::kw_only(), "lam"_a,
          "weights"_a = py::none(), "n_threads"_a = 0);
    m.def("kernel_ridge", &kernel_ridge, "K"_a, "y"_a, py::kw_only(), "lam"_a,
          "weights"_a = py::none());
    m.def("solve_triangular", &solve_triangular, "L"_a, "B"_a, py::kw_only(),
          "transposed"_a = false, "n_threads"_a = 0);
}
