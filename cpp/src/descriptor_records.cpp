// SPDX-License-Identifier: BSD-3-Clause
#include "descriptor_records.hpp"

#include <algorithm>
#include <glassnmr/behler_parrinello.hpp>
#include <glassnmr/chebyshev_ardf.hpp>
#include <glassnmr/equivariants.hpp>
#include <glassnmr/reduced.hpp>
#include <glassnmr/soap.hpp>
#include <glassnmr/surroundings.hpp>

namespace glassnmr {

namespace {

/// What descriptors made of density coefficients have in common.
template <class Settings>
void write_density(const Settings& d, Records& r) {
    r["basis"] = text(radial_name(d.radial.kind));
    r["cutoff"] = number(d.radial.cutoff);
    r["n_max"] = number(static_cast<double>(d.radial.n_max));
    r["l_max"] = number(static_cast<double>(d.radial.l_max));
    r["sigma"] = number(d.radial.sigma);
    r["radial_scaling"] = numbers({d.radial.scaling_radius, d.radial.scaling_exponent}, {2});
    r["mixing"] = numbers(d.mixing, {d.mixing.size() / d.n_species, d.n_species});
    r["body"] = numbers({d.two_body ? 1.0 : 0.0, d.three_body ? 1.0 : 0.0}, {2});
    r["body_weights"] = numbers({d.two_body_weight, d.three_body_weight}, {2});
    r["compression"] = text(compression_name(d.compression));
}

template <class Settings>
void read_density(const Fields& f, std::size_t n_species, Settings& d) {
    const auto scaling = f.doubles("radial_scaling", 2), body = f.doubles("body", 2),
               weight = f.doubles("body_weights", 2);
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
    if (f.has("compression")) d.compression = compression(f.text("compression"));  // version 2
}

void write(const SoapSettings& d, Records& r) {
    write_density(d, r);
    r["angular_filter"] = number(d.angular_filter);
    r["normalise"] = number(d.normalise ? 1 : 0);
    r["remove_self"] = number(d.remove_self ? 1 : 0);
}

std::shared_ptr<const Descriptor> read_soap(const Fields& f, std::size_t n_species) {
    SoapSettings d;
    read_density(f, n_species, d);
    d.angular_filter = f.number("angular_filter");
    d.normalise = f.number("normalise") != 0;
    if (f.has("remove_self")) d.remove_self = f.number("remove_self") != 0;
    return std::make_shared<const Soap>(std::move(d));
}

void write(const EquivariantSettings& d, Records& r) {
    write_density(d, r);
    r["lambda"] = number(static_cast<double>(d.lambda));
    r["parity"] = number(d.parity);
    std::vector<double> pairs;
    for (const auto& [l1, l2] : d.pairs)
        pairs.insert(pairs.end(), {static_cast<double>(l1), static_cast<double>(l2)});
    r["pairs"] = numbers(pairs, {d.pairs.size(), 2});
}

std::shared_ptr<const Descriptor> read_equivariants(const Fields& f, std::size_t n_species) {
    EquivariantSettings d;
    read_density(f, n_species, d);
    d.lambda = f.count("lambda");
    d.parity = f.number("parity") == 1 ? 1 : -1;
    const auto& pairs = f.doubles("pairs");
    if (pairs.size() % 2 != 0) f.bad("pairs");
    for (std::size_t k = 0; k < pairs.size(); k += 2) {
        for (const double l : {pairs[k], pairs[k + 1]}) {
            if (!(l >= 0 && l < 100)) f.bad("pairs");
        }
        d.pairs.emplace_back(static_cast<std::size_t>(pairs[k]),
                             static_cast<std::size_t>(pairs[k + 1]));
    }
    return std::make_shared<const Equivariants>(std::move(d));
}

void write_common(const TripletSettings& d, Records& r) {
    r["cutoff"] = number(d.cutoff);
    r["angular_cutoff"] = number(d.angular_cutoff);
    r["channels"] = numbers(d.channels, {d.channels.size() / d.n_species, d.n_species});
    r["body_weights"] = numbers({d.two_body_weight, d.three_body_weight}, {2});
}

void read_common(const Fields& f, std::size_t n_species, TripletSettings& d) {
    const auto weight = f.doubles("body_weights", 2);
    d.cutoff = f.number("cutoff");
    d.angular_cutoff = f.number("angular_cutoff");
    d.n_species = n_species;
    d.channels = f.doubles("channels");
    if (d.channels.size() % n_species != 0) f.bad("channels");
    d.two_body_weight = weight[0];
    d.three_body_weight = weight[1];
}

void write(const BehlerParrinelloSettings& d, Records& r) {
    write_common(d, r);
    std::vector<double> g2;
    for (const RadialFunction& f : d.g2) g2.insert(g2.end(), {f.eta, f.shift});
    r["g2"] = numbers(g2, {d.g2.size(), 2});
    const auto table = [](const std::vector<AngularFunction>& functions) {
        std::vector<double> values;
        for (const AngularFunction& f : functions)
            values.insert(values.end(), {f.eta, f.zeta, f.lambda, f.shift});
        return numbers(values, {functions.size(), 4});
    };
    r["g4"] = table(d.g4);
    r["g5"] = table(d.g5);
}

std::shared_ptr<const Descriptor> read_behler(const Fields& f, std::size_t n_species) {
    BehlerParrinelloSettings d;
    read_common(f, n_species, d);
    const auto& g2 = f.doubles("g2");
    if (g2.size() % 2 != 0) f.bad("g2");
    for (std::size_t k = 0; k < g2.size(); k += 2) d.g2.push_back({g2[k], g2[k + 1]});
    const auto read = [&](const char* name, std::vector<AngularFunction>& functions) {
        const auto& g = f.doubles(name);
        if (g.size() % 4 != 0) f.bad(name);
        for (std::size_t k = 0; k < g.size(); k += 4)
            functions.push_back({g[k], g[k + 1], g[k + 2], g[k + 3]});
    };
    read("g4", d.g4);
    read("g5", d.g5);
    return std::make_shared<const BehlerParrinello>(std::move(d));
}

void write(const ChebyshevSettings& d, Records& r) {
    write_common(d, r);
    r["n_radial"] = number(static_cast<double>(d.n_radial));
    r["n_angular"] = number(static_cast<double>(d.n_angular));
}

std::shared_ptr<const Descriptor> read_chebyshev(const Fields& f, std::size_t n_species) {
    ChebyshevSettings d;
    read_common(f, n_species, d);
    d.n_radial = f.count("n_radial");
    d.n_angular = f.count("n_angular");
    return std::make_shared<const ChebyshevArdf>(std::move(d));
}

constexpr const char *own_prefix = "own.", *around_prefix = "around.";

void write(const Surroundings& d, Records& r) {
    const SurroundingsSettings& s = d.settings();
    r["surroundings"] = numbers({static_cast<double>(s.centre), s.radius, s.weight}, {3});
    r["surroundings_of"] = numbers({s.neighbours.begin(), s.neighbours.end()},
                                   {static_cast<std::uint64_t>(s.neighbours.size())});
    for (const auto& [prefix, part] :
         {std::pair{own_prefix, d.own()}, std::pair{around_prefix, d.around()}}) {
        Records inner;
        write_descriptor(*part, inner);
        for (auto& [name, record] : inner) r[prefix + name] = std::move(record);
    }
}

std::shared_ptr<const Descriptor> read_surroundings(const Fields& f, std::size_t n_species) {
    const auto values = f.doubles("surroundings", 3);
    SurroundingsSettings s;
    const auto species = [&](double value, const char* record) {
        if (!(value >= 0 && value < 1e9)) f.bad(record);
        return static_cast<std::int32_t>(value);
    };
    s.centre = species(values[0], "surroundings");
    s.radius = values[1];
    s.weight = values[2];
    for (const double value : f.doubles("surroundings_of"))
        s.neighbours.push_back(species(value, "surroundings_of"));
    const auto part = [&](const char* prefix) {
        const Records records = f.under(prefix);
        const Fields fields(records, f.path());
        if (fields.text("descriptor") == "surroundings") f.bad("descriptor");
        return read_descriptor(fields, n_species);
    };
    return std::make_shared<const Surroundings>(part(own_prefix), part(around_prefix),
                                                std::move(s));
}

std::shared_ptr<const Descriptor> read_whole(const Fields& fields, std::size_t n_species) {
    const std::string& name = fields.text("descriptor");
    if (name == "surroundings") return read_surroundings(fields, n_species);
    if (name == "spherical-bessel-soap") return read_soap(fields, n_species);
    if (name == "equivariant-soap") return read_equivariants(fields, n_species);
    if (name == "behler-parrinello") return read_behler(fields, n_species);
    if (name == "chebyshev-ardf") return read_chebyshev(fields, n_species);
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
    } else if (const auto* equivariant = dynamic_cast<const Equivariants*>(&descriptor)) {
        write(equivariant->settings(), records);
    } else if (const auto* behler = dynamic_cast<const BehlerParrinello*>(&descriptor)) {
        write(behler->settings(), records);
    } else if (const auto* chebyshev = dynamic_cast<const ChebyshevArdf*>(&descriptor)) {
        write(chebyshev->settings(), records);
    } else if (const auto* surroundings = dynamic_cast<const Surroundings*>(&descriptor)) {
        write(*surroundings, records);
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
