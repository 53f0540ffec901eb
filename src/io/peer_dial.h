// One attempt to begin a session: finds the address, connects, says hello and reads the answer. Owned by one
// shard.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/unique_function.h"
#include "io/peer_socket.h"
#include "runtime/executor.h"

namespace forebay::io {

inline constexpr runtime::Duration kPeerConnectTime = std::chrono::seconds(1);    // finding the address too
inline constexpr runtime::Duration kPeerHandshakeTime = std::chrono::seconds(2);  // for either end

class PeerDial {
 public:
  struct Dialled {
    SocketHandle socket;
    PeerHandshake answer;  // kAccepted
  };
  // `done` is called once, perhaps inside start(), and may destroy the dial. Errors: kUnavailable (nobody
  // answers in time), kFailedPrecondition (who answers refuses, or is no peer).
  PeerDial(runtime::Shard& shard, PeerAddress address, PeerHandshake hello,
           UniqueFunction<void(Result<Dialled>)> done);
  ~PeerDial();
  PeerDial(const PeerDial&) = delete;
  PeerDial& operator=(const PeerDial&) = delete;

  void start();

 private:
  struct Lookup;
  struct Endpoint {
    std::vector<std::byte> bytes;  // a sockaddr
    int family;
  };
  void look_up();
  void connect_next();
  void connected();
  void read_answer();
  void set_deadline(runtime::Duration time, const char* what);
  void stop();
  void finish(Result<Dialled> result);
  [[nodiscard]] std::string shown_address() const;

  runtime::Shard& shard_;
  const PeerAddress address_;
  const PeerHandshake hello_;
  UniqueFunction<void(Result<Dialled>)> done_;
  std::shared_ptr<Lookup> lookup_;
  std::vector<Endpoint> endpoints_;  // not yet tried, the next one last
  std::optional<PeerSocket> socket_;
  HandshakeReader reader_;
  std::optional<runtime::TimerId> deadline_;
  int last_error_ = 0;
};

}  // namespace forebay::io
