// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <glassnmr/glassnmr.h>

#include <memory>
#include <string>
#include <vector>

#include "compute.h"

/// compute ID group glassnmr MODEL [quantities] elements E1 E2 ...
///
/// NMR parameters of the atoms of the group that are of the model's element; 0 for all others.
class ComputeGlassnmr : public LAMMPS_NS::Compute {
public:
    ComputeGlassnmr(LAMMPS_NS::LAMMPS* lammps, int narg, char** arg);
    ~ComputeGlassnmr() override;

    void init() override {}
    void compute_peratom() override;
    double memory_usage() override;

private:
    /// What is told of a quantity.
    enum class Told { value, std, half90, unlike };
    static constexpr int n_told = 3;  ///< those that fill a table
    /// One column: a value of the model, or one derived from them.
    struct Column {
        bool derived;
        size_t place;
        Told told;
    };
    struct Free {
        void operator()(glassnmr_model* model) const { glassnmr_model_free(model); }
    };

    void check(glassnmr_status status) const;
    Column column(const std::string& quantity) const;
    std::string known() const;
    bool wanted(bool derived, Told told) const;
    void read_elements(int narg, char** arg);
    void gather();
    void predict();
    void resize();

    std::unique_ptr<glassnmr_model, Free> model_;
    std::vector<Column> columns_;
    std::vector<int32_t> channel_;  ///< (ntypes + 1): place in the model's species, -1: not seen
    int32_t centre_channel_ = -1;
    bool with_novelty_ = false;
    double novelty_limit_ = 0;

    // of the present step
    std::vector<double> novelty_;
    std::vector<double> tables_[2]
                               [n_told];  ///< of values and of what is derived; value, std, half90
    /// What the model is given.
    struct Seen {
        std::vector<double> positions;
        std::vector<int32_t> species;
        std::vector<int64_t> centres;  ///< places in positions
        bool operator==(const Seen& other) const {
            return positions == other.positions && species == other.species &&
                   centres == other.centres;
        }
    };
    Seen seen_, predicted_;   ///< and what the tables are of
    std::vector<int> owner_;  ///< the atom of LAMMPS that each centre is
    double** rows_ = nullptr;
    double* row_ = nullptr;
    int max_rows_ = 0;
};
