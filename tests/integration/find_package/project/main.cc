// A program as a user of the SDK writes it. Nobody listens at its address, which must be said, and soon.
#include <forebay/forebay.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace {

using std::chrono::milliseconds;

void expect(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "not so: %s\n", what);
  std::exit(1);
}

}  // namespace

int main() {
  // Port 1 (tcpmux) of this machine: nothing answers there.
  const forebay::ClientOptions client{.servers = {"127.0.0.1:1"}, .connect_timeout = milliseconds(200)};

  auto admin = forebay::Admin::create(client);
  expect(admin.has_value(), "an admin needs no broker to be made");
  const auto topics = (*admin)->list_topics();
  expect(!topics && topics.error().code == forebay::ErrorCode::kUnavailable, "list_topics says UNAVAILABLE");

  auto producer = forebay::Producer::create(client, {.block_timeout = milliseconds(200)});
  expect(producer.has_value(), "a producer needs no broker to be made");
  const auto ack = (*producer)->send("orders", forebay::Record{.key = "k", .value = "v"}).get();
  expect(!ack && ack.error().code == forebay::ErrorCode::kUnavailable, "send says UNAVAILABLE");
  expect((*producer)->close(milliseconds(1000)).has_value(), "nothing is left to close");

  auto consumer = forebay::Consumer::create(client);
  expect(consumer.has_value(), "a consumer needs no broker to be made");
  expect((*consumer)->assign("orders", {0}, forebay::OffsetSpec::at(0)).has_value(),
         "a known offset needs no broker");
  const auto records = (*consumer)->poll(milliseconds(50));
  expect(records.has_value() && records->empty(), "an unreachable broker is a poll without records");

  auto registry = forebay::SchemaRegistry::create(client);
  expect(registry.has_value(), "a registry needs no broker to be made");
  forebay::SchemaSerializer serializer(**registry, {});
  const auto part = serializer.from_json("orders", "{}");
  expect(!part && part.error().code == forebay::ErrorCode::kUnavailable, "from_json says UNAVAILABLE");

  const auto refused = forebay::parse_servers("not an address");
  expect(!refused && refused.error().code == forebay::ErrorCode::kInvalidArgument, "addresses are checked");
  std::printf("%s\n", topics.error().to_string().c_str());
  return 0;
}
