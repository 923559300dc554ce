// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <glassnmr/error.hpp>
#include <glassnmr/model_file.hpp>
#include <iterator>

namespace glassnmr {

namespace {

constexpr char magic[8] = {'g', 'l', 'a', 's', 's', 'n', 'm', 'r'};

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "model files are little-endian; this processor needs byte swaps in model_file.cpp"
#endif

std::uint32_t crc32(const char* data, std::size_t n) {
    static const auto table = [] {
        std::array<std::uint32_t, 256> t{};
        for (std::uint32_t i = 0; i < 256; ++i) {
            std::uint32_t c = i;
            for (int k = 0; k < 8; ++k) c = c & 1 ? 0xEDB88320u ^ (c >> 1) : c >> 1;
            t[i] = c;
        }
        return t;
    }();
    std::uint32_t c = 0xFFFFFFFFu;
    for (std::size_t i = 0; i < n; ++i)
        c = table[(c ^ static_cast<unsigned char>(data[i])) & 0xFF] ^ (c >> 8);
    return c ^ 0xFFFFFFFFu;
}

std::size_t width(Record::Type type) {
    switch (type) {
        case Record::text:
            return 1;
        case Record::float32:
            return 4;
        default:
            return 8;
    }
}

template <class T>
void put(std::string& to, const T* data, std::size_t n) {
    to.append(reinterpret_cast<const char*>(data), n * sizeof(T));
}

template <class T>
void put(std::string& to, T value) {
    put(to, &value, 1);
}

/// Reads from the bytes of a file and never past their end.
class Reader {
public:
    Reader(const std::string& bytes, const std::string& path) : bytes_(bytes), path_(path) {}

    void take(void* to, std::size_t n) {
        if (n > bytes_.size() - at_) damaged("it ends early");
        if (n > 0) std::memcpy(to, bytes_.data() + at_, n);
        at_ += n;
    }
    template <class T>
    T take() {
        T value;
        take(&value, sizeof value);
        return value;
    }
    std::size_t left() const { return bytes_.size() - at_; }
    [[noreturn]] void damaged(const std::string& why) const {
        throw format_error(path_ + " is a damaged model file: " + why);
    }

private:
    const std::string& bytes_;
    const std::string& path_;
    std::size_t at_ = sizeof magic;
};

Record take_record(Reader& reader) {
    Record record;
    const auto type = reader.take<std::uint8_t>();
    if (type > Record::int64) reader.damaged("a record has an unknown type");
    record.type = static_cast<Record::Type>(type);
    const std::size_t each = width(record.type);
    std::uint64_t count = 1;
    for (int dims = reader.take<std::uint8_t>(); dims > 0; --dims) {
        const auto n = reader.take<std::uint64_t>();
        if (n > 0 && count > reader.left() / each / n) reader.damaged("a record leaves the file");
        record.shape.push_back(n);
        count *= n;
    }
    if (count > reader.left() / each) reader.damaged("a record leaves the file");
    const auto n = static_cast<std::size_t>(count);
    switch (record.type) {
        case Record::text:
            record.characters.resize(n), reader.take(record.characters.data(), n);
            break;
        case Record::float64:
            record.doubles.resize(n), reader.take(record.doubles.data(), 8 * n);
            break;
        case Record::float32:
            record.floats.resize(n), reader.take(record.floats.data(), 4 * n);
            break;
        default:
            record.integers.resize(n), reader.take(record.integers.data(), 8 * n);
    }
    return record;
}

}  // namespace

void write_records(const std::string& path, const Records& records) {
    std::string bytes(magic, sizeof magic);
    put(bytes, model_file_version);
    put(bytes, static_cast<std::uint32_t>(records.size()));
    for (const auto& [name, record] : records) {
        put(bytes, static_cast<std::uint32_t>(name.size()));
        bytes += name;
        put(bytes, static_cast<std::uint8_t>(record.type));
        const bool text = record.type == Record::text;
        put(bytes, static_cast<std::uint8_t>(text ? 1 : record.shape.size()));
        if (text) put(bytes, static_cast<std::uint64_t>(record.characters.size()));
        if (!text) put(bytes, record.shape.data(), record.shape.size());
        bytes += record.characters;
        put(bytes, record.doubles.data(), record.doubles.size());
        put(bytes, record.floats.data(), record.floats.size());
        put(bytes, record.integers.data(), record.integers.size());
    }
    put(bytes, crc32(bytes.data(), bytes.size()));
    const std::string part = path + ".part";
    std::ofstream file(part, std::ios::binary | std::ios::trunc);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    file.close();
    if (!file || std::rename(part.c_str(), path.c_str()) != 0) {
        std::remove(part.c_str());
        throw std::runtime_error("cannot write " + path);
    }
}

Records read_records(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("cannot open " + path);
    const std::string bytes((std::istreambuf_iterator<char>(file)),
                            std::istreambuf_iterator<char>());
    if (bytes.empty()) throw format_error(path + " is empty, a model file was wanted");
    if (bytes.size() < sizeof magic || std::memcmp(bytes.data(), magic, sizeof magic) != 0) {
        throw format_error(path + " is not a glassnmr model file");
    }
    Reader reader(bytes, path);
    const auto version = reader.take<std::uint32_t>();
    if (version < 1 || version > model_file_version) {
        throw format_error(path + " has model file version " + std::to_string(version) +
                           ", this library reads versions 1 to " +
                           std::to_string(model_file_version));
    }
    if (bytes.size() < sizeof magic + 12) reader.damaged("it ends early");
    std::uint32_t sum;
    std::memcpy(&sum, bytes.data() + bytes.size() - 4, 4);
    if (sum != crc32(bytes.data(), bytes.size() - 4))
        reader.damaged("its checksum is wrong (truncated or altered)");
    Records records;
    for (auto n = reader.take<std::uint32_t>(); n > 0; --n) {
        const auto length = reader.take<std::uint32_t>();
        if (length > reader.left()) reader.damaged("a name leaves the file");
        std::string name(length, '\0');
        reader.take(name.data(), length);
        records[name] = take_record(reader);
    }
    if (reader.left() != 4) reader.damaged("bytes are left over after its records");
    return records;
}

}  // namespace glassnmr
