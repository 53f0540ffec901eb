// The group protocol as text: a script says what reaches the coordinator of one group, and the answer tells
// what it logs, answers and tells its members. The files are in interactions/; its README tells the words of
// the language.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "test_coordinator.h"

namespace forebay::group::testing {

class Interaction {
 public:
  // Does what one line of a script says. Returns: what happened, in lines; a line that begins with "error:"
  // for a word that is not known or a command that makes no sense here.
  [[nodiscard]] std::string run(const std::string& line);

 private:
  using Words = std::vector<std::string>;
  using Options = std::map<std::string, std::string>;
  struct Client {
    std::size_t names = 0;  // that its instances had
    JoinInput words;
    std::optional<Joined> joined;
  };

  void turn(const std::vector<Words>& inputs);
  void obey_surroundings(const Words& words);
  void input(Turn& turn, const Words& words);
  void input_member(Turn& turn, const Words& words);
  void input_operator(Turn& turn, const Words& words);
  void join(Turn& turn, const Words& words);
  void resume(Turn& turn, const Words& words);
  void answer_join(const std::string& name, const Result<Joined>& joined);
  void answer(const std::string& what, const Result<void>& result);
  void pass_time(const Words& words);
  void show_log(const GroupRecord& record);
  void show_decision(const Decision& decision);
  void show_assignment(MemberNumber number);
  void status();
  [[nodiscard]] std::string client_text(MemberNumber number) const;
  [[nodiscard]] std::string partition_text(const model::TopicPartition& partition) const;
  [[nodiscard]] std::string partitions_text(const Partitions& partitions) const;
  [[nodiscard]] CommitEntry entry_of(const Words& words, std::size_t place) const;
  [[nodiscard]] model::TopicPartition partition_of(const std::string& word) const;
  [[nodiscard]] MemberRef ref(const std::string& name) const;
  void tell(const std::string& line) { out_ << line << '\n'; }

  TestCoordinator coordinator_;
  std::map<model::TopicId, std::string> topic_names_;
  std::map<std::string, Client> clients_;
  std::map<MemberNumber, std::string> names_;  // also of those that are out
  std::ostringstream out_;
};

}  // namespace forebay::group::testing
