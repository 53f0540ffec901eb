// The names on the simulated disk: lookup, pending changes, and what a power cut leaves of them.
#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "sim/sim_disk.h"
#include "sim/sim_paths.h"

namespace forebay::sim {

namespace {

using Names = std::map<std::string, SimNodePtr>;

SimNodePtr walk(const SimNodePtr& root, std::string_view path, Names SimNode::*names) {
  SimNodePtr node = root;
  for (const std::string& part : path_parts(path)) {
    if (!node->is_directory) return nullptr;
    const auto found = ((*node).*names).find(part);
    if (found == ((*node).*names).end()) return nullptr;
    node = found->second;
  }
  return node;
}

// Must `later` come after `earlier`, on any file system that keeps its own order?
bool depends(const PendingNames& later, const PendingNames& earlier) {
  if (later.subject == earlier.subject) return true;
  for (const auto& a : later.entries) {
    for (const auto& b : earlier.entries) {
      if (a.directory == b.directory && a.name == b.name) return true;
    }
  }
  return false;
}

void collect(const SimNode& directory, const std::string& prefix, std::vector<std::string>& paths) {
  for (const auto& [name, node] : directory.entries) {
    if (node->is_directory) {
      collect(*node, prefix + name + "/", paths);
    } else {
      paths.push_back(prefix + name);
    }
  }
}

void mark_unlinked(SimNode& node) {
  node.linked = false;
  for (const auto& [name, child] : node.entries) mark_unlinked(*child);
}

void show_durable_names(SimNode& node) {
  node.linked = true;
  node.entries = node.durable_entries;
  for (const auto& [name, child] : node.entries) show_durable_names(*child);
}

}  // namespace

SimNodePtr SimDisk::find(std::string_view path) const { return walk(root_, path, &SimNode::entries); }

SimNodePtr SimDisk::find_durable(std::string_view path) const {
  return walk(root_, path, &SimNode::durable_entries);
}

std::vector<std::string> SimDisk::files() const {
  std::vector<std::string> paths;
  collect(*root_, "/", paths);
  std::sort(paths.begin(), paths.end());
  return paths;
}

void SimDisk::change_names(PendingNames change) {
  for (const PendingNames::Entry& entry : change.entries) {
    Names& names = entry.directory->entries;
    const auto old = names.find(entry.name);
    if (old != names.end()) {
      old->second->linked = false;
      account(*old->second);
      names.erase(old);
    }
    if (entry.node != nullptr) names[entry.name] = entry.node;
  }
  for (const PendingNames::Entry& entry : change.entries) {
    if (entry.node == nullptr) continue;
    entry.node->linked = true;
    account(*entry.node);
  }
  pending_names_.push_back(std::move(change));
}

void SimDisk::make_durable(const PendingNames& change) {
  for (const PendingNames::Entry& entry : change.entries) {
    if (entry.node != nullptr) {
      entry.directory->durable_entries[entry.name] = entry.node;
    } else {
      entry.directory->durable_entries.erase(entry.name);
    }
  }
}

void SimDisk::sync_names(const SimNodePtr& directory) {
  std::vector<const PendingNames*> complete;
  for (PendingNames& change : pending_names_) {
    bool all = true;
    for (PendingNames::Entry& entry : change.entries) {
      if (entry.directory == directory && !entry.forgotten) entry.synced = true;
      all = all && entry.synced;
    }
    if (all) complete.push_back(&change);
  }
  // What a complete change builds on goes with it, from the newest backwards.
  std::vector<const PendingNames*> chosen;
  for (auto change = pending_names_.rbegin(); change != pending_names_.rend(); ++change) {
    const bool wanted = std::find(complete.begin(), complete.end(), &*change) != complete.end() ||
                        std::any_of(chosen.begin(), chosen.end(),
                                    [&](const PendingNames* later) { return depends(*later, *change); });
    if (wanted) chosen.push_back(&*change);
  }
  for (auto change = pending_names_.begin(); change != pending_names_.end();) {
    if (std::find(chosen.begin(), chosen.end(), &*change) == chosen.end()) {
      ++change;
      continue;
    }
    make_durable(*change);
    change = pending_names_.erase(change);
  }
}

// The directory's blocks count as clean: each change has landed or has not, and stays so until a later change
// of the same name or node is made durable.
void SimDisk::fail_sync_of_names(const SimNodePtr& directory) {
  for (PendingNames& change : pending_names_) {
    for (PendingNames::Entry& entry : change.entries) {
      if (entry.directory == directory && !entry.synced) entry.forgotten = rng_.one_in(2);
    }
  }
  sync_names(directory);
}

void SimDisk::settle_names(Landing landing) {
  const std::list<PendingNames> pending = std::exchange(pending_names_, {});
  std::vector<const PendingNames*> dropped;
  for (const PendingNames& change : pending) {
    const bool forgotten = std::any_of(change.entries.begin(), change.entries.end(),
                                       [](const PendingNames::Entry& entry) { return entry.forgotten; });
    const bool drawn =
        !forgotten && (landing == Landing::kKeep || (landing == Landing::kSeeded && rng_.one_in(2)));
    const bool orphan = std::any_of(dropped.begin(), dropped.end(),
                                    [&](const PendingNames* earlier) { return depends(change, *earlier); });
    if (drawn && !orphan) {
      make_durable(change);
    } else {
      dropped.push_back(&change);
    }
  }
  mark_unlinked(*root_);
  for (const std::weak_ptr<SimNode>& weak : nodes_) {
    if (const SimNodePtr node = weak.lock(); node != nullptr) node->linked = false;
  }
  show_durable_names(*root_);
}

void SimDisk::remove(const std::string& path) {
  const SimNodePtr parent = find(parent_path(path));
  FOREBAY_ASSERT(parent != nullptr);
  const std::string name = base_name(path);
  const auto found = parent->entries.find(name);
  FOREBAY_ASSERT(found != parent->entries.end());
  mark_unlinked(*found->second);
  for (const std::weak_ptr<SimNode>& weak : nodes_) {
    if (const SimNodePtr node = weak.lock(); node != nullptr) account(*node);
  }
  parent->entries.erase(found);
  parent->durable_entries.erase(name);
}

void SimDisk::replace_file(const std::string& path, ByteSpan content) {
  SimNodePtr node = find(path);
  if (node == nullptr) {
    const SimNodePtr parent = find(parent_path(path));
    FOREBAY_ASSERT(parent != nullptr && parent->is_directory);
    node = std::make_shared<SimNode>();
    nodes_.push_back(node);
    parent->entries[base_name(path)] = node;
    parent->durable_entries[base_name(path)] = node;
  }
  FOREBAY_ASSERT(!node->is_directory);
  node->pending.clear();
  node->content = SparseContent{};
  node->content.write(0, content);
  node->durable = node->content;
  account(*node);
}

}  // namespace forebay::sim
