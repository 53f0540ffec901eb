#include "avro_resolve.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "avro_bytes.h"

namespace forebay::schema::avro {
namespace {

using Encoded = std::optional<std::string>;  // none: it cannot be

class Resolver {
 public:
  Resolver(const Schema& reader, const Schema& writer, const std::string& payload)
      : reader_(reader), writer_(writer), payload_(payload) {}

  Encoded value(TypeId reads, TypeId writes) {
    const Type& writer = writer_[writes];
    if (writer.kind == Kind::kUnion)
      return value(reads, writer.branches.at(static_cast<std::size_t>(number())));
    const Type& reader = reader_[reads];
    if (reader.kind == Kind::kUnion) {
      const std::size_t begin = at_;
      for (std::size_t i = 0; i < reader.branches.size(); ++i) {
        at_ = begin;
        if (const Encoded one = value(reader.branches[i], writes))
          return Bytes().number(static_cast<std::int64_t>(i)).raw(*one).str();
      }
      return std::nullopt;
    }
    if (reader.kind != writer.kind) return promoted(reader.kind, writer.kind);
    switch (writer.kind) {
      case Kind::kRecord:
        return has_name(reader, writer) ? record(reader, writer) : std::nullopt;
      case Kind::kEnum:
        return has_name(reader, writer) ? symbol(reader, writer) : std::nullopt;
      case Kind::kFixed:
        if (!has_name(reader, writer) || reader.size != writer.size) return std::nullopt;
        return raw(static_cast<std::size_t>(writer.size));
      case Kind::kArray:
      case Kind::kMap:
        return items(reader, writer);
      default:
        return promoted(reader.kind, writer.kind);
    }
  }
  [[nodiscard]] bool is_at_end() const { return at_ == payload_.size(); }

 private:
  std::int64_t number() {
    std::uint64_t bits = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(payload_.at(at_++));
      bits |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
      if (byte < 0x80) break;
    }
    return static_cast<std::int64_t>(bits >> 1U) ^ -static_cast<std::int64_t>(bits & 1U);
  }
  std::string raw(std::size_t size) {
    at_ += size;
    return payload_.substr(at_ - size, size);
  }
  std::string sized() { return raw(static_cast<std::size_t>(number())); }
  template <typename T>
  T real() {
    T value;
    std::memcpy(&value, raw(sizeof value).data(), sizeof value);
    return value;
  }

  // Of types without others in them; those of one kind included.
  Encoded promoted(Kind reader, Kind writer) {
    switch (writer) {
      case Kind::kNull:
        return reader == writer ? Encoded("") : std::nullopt;
      case Kind::kBoolean:
        return reader == writer ? Encoded(raw(1)) : std::nullopt;
      case Kind::kInt:
      case Kind::kLong: {
        const std::int64_t whole = number();
        if (reader == writer || (reader == Kind::kLong && writer == Kind::kInt))
          return Bytes().number(whole).str();
        if (reader == Kind::kFloat) return Bytes().real(static_cast<float>(whole)).str();
        if (reader == Kind::kDouble) return Bytes().real(static_cast<double>(whole)).str();
        return std::nullopt;
      }
      case Kind::kFloat: {
        const auto value = real<float>();
        if (reader == Kind::kFloat) return Bytes().real(value).str();
        return reader == Kind::kDouble ? Encoded(Bytes().real(static_cast<double>(value)).str())
                                       : std::nullopt;
      }
      case Kind::kDouble:
        return reader == writer ? Encoded(raw(8)) : std::nullopt;
      case Kind::kBytes:
      case Kind::kString:
        if (reader != Kind::kBytes && reader != Kind::kString) return std::nullopt;
        return Bytes().text(sized()).str();
      default:
        return std::nullopt;
    }
  }

  static bool has_name(const Type& reader, const Type& writer) {
    return reader.name == writer.name || std::find(reader.aliases.begin(), reader.aliases.end(),
                                                   writer.full_name()) != reader.aliases.end();
  }
  static bool is_of(const Field& reader, const Field& writer) {
    return reader.name == writer.name ||
           std::find(reader.aliases.begin(), reader.aliases.end(), writer.name) != reader.aliases.end();
  }
  // Fields come as they were written; the reader has them in its own order.
  Encoded record(const Type& reader, const Type& writer) {
    std::vector<Encoded> fields(reader.fields.size());
    for (const Field& written : writer.fields) {
      const std::size_t begin = at_;
      bool is_read = false;
      for (std::size_t i = 0; i < reader.fields.size(); ++i) {
        if (!is_of(reader.fields[i], written)) continue;
        at_ = begin;
        fields[i] = value(reader.fields[i].type, written.type);
        if (!fields[i]) return std::nullopt;
        is_read = true;
      }
      if (!is_read) skip(written.type);
    }
    std::string all;
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const Field& field = reader.fields[i];
      if (!fields[i] && field.default_value) fields[i] = encoded_default(field.type, *field.default_value);
      if (!fields[i]) return std::nullopt;
      all += *fields[i];
    }
    return all;
  }
  Encoded symbol(const Type& reader, const Type& writer) {
    const std::string& name = writer.symbols.at(static_cast<std::size_t>(number()));
    auto found = std::find(reader.symbols.begin(), reader.symbols.end(), name);
    if (found == reader.symbols.end() && reader.enum_default)
      found = std::find(reader.symbols.begin(), reader.symbols.end(), *reader.enum_default);
    if (found == reader.symbols.end()) return std::nullopt;
    return Bytes().number(found - reader.symbols.begin()).str();
  }
  std::int64_t block() {
    const std::int64_t count = number();
    if (count < 0) number();
    return count < 0 ? -count : count;
  }
  Encoded items(const Type& reader, const Type& writer) {
    std::string all;
    for (std::int64_t count = block(); count != 0; count = block()) {
      all += Bytes().number(count).str();
      for (; count > 0; --count) {
        if (writer.kind == Kind::kMap) all += Bytes().text(sized()).str();
        const Encoded one = value(reader.inner, writer.inner);
        if (!one) return std::nullopt;
        all += *one;
      }
    }
    return all + Bytes().number(0).str();
  }

  void skip(TypeId id) {
    const Type& type = writer_[id];
    switch (type.kind) {
      case Kind::kUnion:
        return skip(type.branches.at(static_cast<std::size_t>(number())));
      case Kind::kRecord:
        for (const Field& field : type.fields) skip(field.type);
        return;
      case Kind::kEnum:
        number();
        return;
      case Kind::kFixed:
        at_ += type.size;
        return;
      case Kind::kArray:
      case Kind::kMap:
        for (std::int64_t count = block(); count != 0; count = block()) {
          for (; count > 0; --count) {
            if (type.kind == Kind::kMap) sized();
            skip(type.inner);
          }
        }
        return;
      default:
        static_cast<void>(promoted(type.kind, type.kind));
    }
  }

  // Of the defaults that random schemas have.
  Encoded encoded_default(TypeId id, const Json& value) {
    const Type& type = reader_[id];
    switch (type.kind) {
      case Kind::kNull:
        return value.is_null() ? Encoded("") : std::nullopt;
      case Kind::kInt:
      case Kind::kLong:
        return value.is_number_integer() ? Encoded(Bytes().number(value.get<std::int64_t>()).str())
                                         : std::nullopt;
      case Kind::kFloat:
        return value.is_number() ? Encoded(Bytes().real(value.get<float>()).str()) : std::nullopt;
      case Kind::kDouble:
        return value.is_number() ? Encoded(Bytes().real(value.get<double>()).str()) : std::nullopt;
      case Kind::kArray: {
        if (!value.is_array()) return std::nullopt;
        Bytes all;
        all.number(static_cast<std::int64_t>(value.size()));
        for (const Json& one : value) {
          const Encoded item = encoded_default(type.inner, one);
          if (!item) return std::nullopt;
          all.raw(*item);
        }
        return (value.empty() ? all : all.number(0)).str();
      }
      case Kind::kUnion:
        for (std::size_t i = 0; i < type.branches.size(); ++i) {
          if (const Encoded one = encoded_default(type.branches[i], value))
            return Bytes().number(static_cast<std::int64_t>(i)).raw(*one).str();
        }
        return std::nullopt;
      default:
        return std::nullopt;
    }
  }

  const Schema& reader_;
  const Schema& writer_;
  const std::string& payload_;
  std::size_t at_ = 0;
};

}  // namespace

std::optional<std::string> resolve(const Schema& reader, const Schema& writer, const std::string& payload) {
  Resolver resolver(reader, writer, payload);
  auto read = resolver.value(reader.root, writer.root);
  return resolver.is_at_end() ? read : std::nullopt;
}

}  // namespace forebay::schema::avro
