// SPDX-License-Identifier: BSD-3-Clause
// Singular values: THEORY.md eq. (9.3).
#include "kernels/level.hpp"
//
#include <Eigen/Core>
#include <Eigen/SVD>

#include "kernels/svd.hpp"

namespace glassnmr::GLASSNMR_LEVEL {

bool svd(std::size_t n, const double* r, double* u, double* s, double* v) {
    using Matrix = Eigen::MatrixXd;
    const auto size = static_cast<Eigen::Index>(n);
    const Eigen::BDCSVD<Matrix> parts(Eigen::Map<const Matrix>(r, size, size),
                                      Eigen::ComputeThinU | Eigen::ComputeThinV);
    if (parts.info() != Eigen::Success) return false;
    Eigen::Map<Matrix>(u, size, size) = parts.matrixU();
    Eigen::Map<Matrix>(v, size, size) = parts.matrixV();
    Eigen::Map<Eigen::VectorXd>(s, size) = parts.singularValues();
    return true;
}

}  // namespace glassnmr::GLASSNMR_LEVEL
