// SPDX-License-Identifier: BSD-3-Clause
#include "descriptor_records.hpp"

#include <algorithm>
#include <glassnmr/reduced.hpp>
#include <glassnmr/soap.hpp>

namespace glassnmr {

namespace {

void write(const SoapSettings& d, Records& r) {
    r["basis"] = text(radial_name(d.radial.kind));
    r["cutoff"] = number(d.radial.cutoff);
    r["n_max"] = number(static_cast<double>(d.radial.n_max));
    r["l_max"] = number(static_cast<double>(d.radial.l_max));
    r["sigma"] = number(d.radial.sigma);
    r["radial_scaling"] = numbers({d.radial.scaling_radius, d.radial.scaling_exponent}, {2});
    r["mixing"] = numbers(d.mixing, {d.mixing.size() / d.n_species, d.n_species});
    r["body"] = numbers({d.two_body ? 1.0 : 0.0, d.three_body ? 1.0 : 0.0}, {2});
    r["body_weights"] = numbers({d.two_body_weight, d.three_body_weight}, {2});
    r["angular_filter"] = number(d.angular_filter);
    r["normalise"] = number(d.normalise ? 1 : 0);
    r["compression"] = text(compression_name(d.compression));
    r["remove_self"] = number(d.remove_self ? 1 : 0);
}

std::shared_ptr<const Descriptor> read_soap(const Fields& f, std::size_t n_species) {
    const auto scaling = f.doubles("radial_scaling", 2), body = f.doubles("body", 2),
               weight = f.doubles("body_weights", 2);
    SoapSettings d;
    d.radial = {radial_kind(f.text("basis")),
                f.number("cutoff"),
                f.count("n_max"),
                f.count("l_max"),
                f.number("sigma"),
                scaling[0],
                scaling[1]};
    d.n_species = n_species;
    d.mixing = f.doubles("mixing");
    d.two_body = body[0] != 0;
    d.three_body = body[1] != 0;
    d.two_body_weight = weight[0];
    d.three_body_weight = weight[1];
    d.angular_filter = f.number("angular_filter");
    d.normalise = f.number("normalise") != 0;
    if (f.has("compression")) d.compression = compression(f.text("compression"));  // version 2
    if (f.has("remove_self")) d.remove_self = f.number("remove_self") != 0;
    return std::make_shared<const Soap>(std::move(d));
}

std::shared_ptr<const Descriptor> read_whole(const Fields& fields, std::size_t n_species) {
    const std::string& name = fields.text("descriptor");
    if (name == "spherical-bessel-soap") return read_soap(fields, n_species);
    throw format_error(fields.path() + " uses the descriptor \"" + name +
                       "\", which this library lacks");
}

}  // namespace

void write_descriptor(const Descriptor& descriptor, Records& records) {
    if (const auto* reduced = dynamic_cast<const Reduced*>(&descriptor)) {
        const Reduction& r = reduced->reduction();
        const std::uint64_t n = reduced->n_features(), F = reduced->inner()->n_features();
        if (r.matrix.empty()) {
            records["reduction_columns"] =
                numbers(std::vector<double>(r.columns.begin(), r.columns.end()), {n});
        } else {
            records["reduction_matrix"] = numbers(r.matrix, {n, F});
            records["reduction_offset"] = numbers(r.offset, {F});
        }
        return write_descriptor(*reduced->inner(), records);
    }
    records["descriptor"] = text(descriptor.name());
    if (const auto* soap = dynamic_cast<const Soap*>(&descriptor)) {
        write(soap->settings(), records);
    } else {
        invalid(std::string("a model file cannot hold the descriptor ") + descriptor.name());
    }
}

std::shared_ptr<const Descriptor> read_descriptor(const Fields& fields, std::size_t n_species) {
    auto descriptor = read_whole(fields, n_species);
    Reduction r;
    if (fields.has("reduction_columns")) {
        for (const double c : fields.doubles("reduction_columns")) {
            if (!(c >= 0 && c < 1e9)) fields.bad("reduction_columns");
            r.columns.push_back(static_cast<std::size_t>(c));
        }
    } else if (fields.has("reduction_matrix")) {
        r.matrix = fields.doubles("reduction_matrix");
        r.offset = fields.doubles("reduction_offset");
    } else {
        return descriptor;
    }
    return std::make_shared<const Reduced>(std::move(descriptor), std::move(r));
}

}  // namespace glassnmr
