// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_OS_BPF_TYPED_MAP_H_
#define FLEXVPN_OS_BPF_TYPED_MAP_H_

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace flexvpn::os {

// Status of a failed operation on map `name`; the code follows errno (ENOENT -> NotFound, E2BIG ->
// ResourceExhausted, EPERM -> PermissionDenied).
absl::Status MapError(const std::string& name, const char* operation, int error);

// A BPF map by its types.  Padding in a key would be a lookup that fails by chance, so the types may have none.
// Does not own the descriptor; valid as long as what loaded the map.
template <class K, class V>
class TypedMap {
  static_assert(std::has_unique_object_representations_v<K>, "padding in a map key");
  static_assert(std::has_unique_object_representations_v<V>, "padding in a map value");
  static_assert(std::is_trivially_copyable_v<K> && std::is_trivially_copyable_v<V>);

 public:
  TypedMap() = default;
  TypedMap(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}
  int fd() const { return fd_; }

  absl::Status Put(const K& key, const V& value) {
    return Result("update", bpf_map_update_elem(fd_, &key, &value, BPF_ANY));
  }
  // Removing what is not there is no error.
  absl::Status Remove(const K& key) {
    int r = bpf_map_delete_elem(fd_, &key);
    return r == -ENOENT ? absl::OkStatus() : Result("delete", r);
  }
  absl::StatusOr<std::optional<V>> Get(const K& key) const {
    V value{};
    int r = bpf_map_lookup_elem(fd_, &key, &value);
    if (r == -ENOENT) return std::nullopt;
    if (r != 0) return MapError(name_, "lookup", -r);
    return value;
  }
  // Keys at one moment or another during the call: entries added or removed meanwhile may be missed.
  absl::StatusOr<std::vector<K>> Keys() const { return KeysOf(fd_, name_); }
  absl::StatusOr<std::vector<std::pair<K, V>>> Entries() const {
    auto keys = Keys();
    if (!keys.ok()) return keys.status();
    std::vector<std::pair<K, V>> out;
    out.reserve(keys->size());
    for (const K& key : *keys) {
      auto value = Get(key);
      if (!value.ok()) return value.status();
      if (*value) out.emplace_back(key, **value);
    }
    return out;
  }

  static absl::StatusOr<std::vector<K>> KeysOf(int fd, const std::string& name) {
    std::vector<K> keys;
    K key{}, next{};
    // A key deleted under us restarts the walk; the bound keeps a busy map from holding us for ever.
    for (size_t steps = 0; steps < kMaxSteps; ++steps) {
      int r = bpf_map_get_next_key(fd, steps == 0 ? nullptr : &key, &next);
      if (r == -ENOENT) return keys;
      if (r != 0) return MapError(name, "walk", -r);
      keys.push_back(next);
      key = next;
    }
    return keys;
  }

 private:
  static constexpr size_t kMaxSteps = 1 << 20;
  absl::Status Result(const char* operation, int r) const {
    return r == 0 ? absl::OkStatus() : MapError(name_, operation, -r);
  }
  int fd_ = -1;
  std::string name_;
};

// A per-CPU map: every read gives the values of all CPUs.
template <class K, class V>
class PerCpuMap {
  static_assert(std::has_unique_object_representations_v<K> && std::has_unique_object_representations_v<V>);
  static_assert(sizeof(V) % 8 == 0, "the kernel rounds each CPU's value up to 8 octets");

 public:
  PerCpuMap() = default;
  PerCpuMap(int fd, std::string name, int cpus) : fd_(fd), name_(std::move(name)), cpus_(static_cast<size_t>(cpus)) {}
  int fd() const { return fd_; }

  // The same value for every CPU.
  absl::Status Put(const K& key, const V& value) {
    std::vector<V> values(cpus_, value);
    int r = bpf_map_update_elem(fd_, &key, values.data(), BPF_ANY);
    return r == 0 ? absl::OkStatus() : MapError(name_, "update", -r);
  }
  // One value a CPU; empty if there is no such entry.
  absl::StatusOr<std::vector<V>> Get(const K& key) const {
    std::vector<V> values(cpus_);
    int r = bpf_map_lookup_elem(fd_, &key, values.data());
    if (r == -ENOENT) return std::vector<V>();
    if (r != 0) return MapError(name_, "lookup", -r);
    return values;
  }

 private:
  int fd_ = -1;
  std::string name_;
  size_t cpus_ = 0;
};

}  // namespace flexvpn::os

#endif  // FLEXVPN_OS_BPF_TYPED_MAP_H_
