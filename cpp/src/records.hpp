// SPDX-License-Identifier: BSD-3-Clause
// Making and reading the records of a model file.
#pragma once

#include <cmath>
#include <glassnmr/error.hpp>
#include <glassnmr/model_file.hpp>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace glassnmr {

inline std::vector<std::string> words(const std::string& text) {
    std::istringstream stream(text);
    std::vector<std::string> list;
    for (std::string word; stream >> word;) list.push_back(word);
    return list;
}

inline std::string joined(const std::vector<std::string>& list) {
    std::string text;
    for (const auto& word : list) text += (text.empty() ? "" : " ") + word;
    return text;
}

inline Record text(const std::string& value) {
    Record r;
    r.characters = value;
    return r;
}

inline Record numbers(std::vector<double> values, std::vector<std::uint64_t> shape) {
    Record r;
    r.type = Record::float64;
    r.doubles = std::move(values);
    r.shape = std::move(shape);
    return r;
}

inline Record number(double value) { return numbers({value}, {}); }

/// Typed access to the records of a file; what is missing or of another shape is a format_error
/// that names it.
class Fields {
public:
    Fields(const Records& records, const std::string& path) : records_(records), path_(path) {}

    const std::string& path() const { return path_; }
    bool has(const char* name) const { return records_.count(name) > 0; }
    const std::string& text(const char* name) const { return find(name, Record::text).characters; }
    const std::vector<double>& doubles(const char* name) const {
        return find(name, Record::float64).doubles;
    }
    std::vector<double> doubles(const char* name, std::size_t count) const {
        const auto& values = doubles(name);
        if (values.size() != count) bad(name);
        return values;
    }
    double number(const char* name) const { return doubles(name, 1)[0]; }
    std::size_t count(const char* name) const {
        const double value = number(name);
        if (!(value >= 0 && value < 1e9) || value != std::floor(value)) bad(name);
        return static_cast<std::size_t>(value);
    }
    const std::vector<std::uint64_t>& shape(const char* name) const {
        return find(name, Record::float64).shape;
    }
    /// The records whose names begin with a prefix, without it.
    Records under(const std::string& prefix) const {
        Records found;
        for (auto it = records_.lower_bound(prefix);
             it != records_.end() && it->first.compare(0, prefix.size(), prefix) == 0; ++it)
            found[it->first.substr(prefix.size())] = it->second;
        return found;
    }
    [[noreturn]] void bad(const char* name) const {
        throw format_error(path_ + " is a damaged model file: record \"" + name +
                           "\" is missing or not as it must be");
    }

private:
    const Record& find(const char* name, Record::Type type) const {
        const auto it = records_.find(name);
        if (it == records_.end() || it->second.type != type) bad(name);
        return it->second;
    }
    const Records& records_;
    const std::string& path_;
};

}  // namespace glassnmr
