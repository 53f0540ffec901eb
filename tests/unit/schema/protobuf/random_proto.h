// Schemas and messages drawn at random, for the tests of what holds for all of them.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>

#include <random>
#include <set>
#include <string>
#include <vector>

namespace forebay::schema::protobuf {

class RandomProto {
 public:
  explicit RandomProto(std::uint32_t seed) : rng_(seed) {}

  // A file that the library accepts, with messages, groups, maps, oneofs, enums, extensions, options and
  // services.
  google::protobuf::FileDescriptorProto file();
  // Changes one thing: what is compatible, what is not, and what other registries take for compatible.
  void change(google::protobuf::FileDescriptorProto& file);
  // Fills what is to be filled, with unknown fields among it; at most `depth` messages within each other.
  void fill(google::protobuf::Message& message, int depth);
  // Flips, cuts and repeats bytes.
  std::string spoil(std::string payload);
  int below(int count) { return static_cast<int>(rng_() % static_cast<std::uint32_t>(count)); }
  bool one_in(int count) { return below(count) == 0; }

 private:
  void declare(google::protobuf::DescriptorProto& message, const std::string& scope, int depth);
  google::protobuf::EnumDescriptorProto enumeration(std::set<std::string>& used);
  void fields(google::protobuf::DescriptorProto& message, const std::string& full_name);
  void type(google::protobuf::FieldDescriptorProto& field);
  void make_map(google::protobuf::FieldDescriptorProto& field, const std::string& full_name,
                std::vector<google::protobuf::DescriptorProto>& made);
  std::string name(std::set<std::string>& used, bool upper);
  std::string text();
  void value(google::protobuf::Message& message, const google::protobuf::FieldDescriptor& field, int depth);

  std::mt19937 rng_;
  bool is_proto3_ = false;
  std::vector<std::string> messages_, enums_;
};

}  // namespace forebay::schema::protobuf
