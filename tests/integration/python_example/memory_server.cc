// A server over a log in memory, for programs of other languages: prints its port, serves until standard
// input ends. Topics: greetings with 3 partitions.
#include <iostream>

#include "api/server.h"
#include "memory_broker.h"
#include "runtime/system_clock.h"

int main() {
  forebay::test::MemoryBroker broker;
  broker.make_topic("greetings", 3);
  const forebay::runtime::SystemWallClock clock;
  forebay::api::ApiOptions options;
  options.listen = "127.0.0.1:0";
  auto server = forebay::api::ApiServer::start(options, broker, clock);
  if (!server) {
    std::cerr << server.error().to_string() << "\n";
    return 1;
  }
  (*server)->set_ready(true);
  std::cout << (*server)->port() << std::endl;
  std::string line;
  while (std::getline(std::cin, line)) {
  }
  (*server)->shutdown(std::chrono::seconds(5));
  return 0;
}
