#include "plan/codec.h"

#include <bit>
#include <cstring>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "plan/fields.h"

namespace skerry::plan {
namespace {

constexpr std::uint32_t kLaunchMagic = 0x4E4C5053;   // "SPLN" in memory
constexpr std::uint32_t kSandboxMagic = 0x584F4253;  // "SBOX"

static_assert(std::endian::native == std::endian::little, "both ends are the same machine");

template <class T>
concept Number = std::is_integral_v<T> && !std::same_as<T, bool>;

class Encoder final {
 public:
  void put(const Number auto& value) { put_raw(&value, sizeof value); }
  void put(const bool& value) { put(static_cast<std::uint8_t>(value ? 1 : 0)); }
  template <class E>
    requires std::is_enum_v<E>
  void put(const E& value) {
    put(std::to_underlying(value));
  }
  void put(const std::string& value) {
    put_count(value.size());
    put_raw(value.data(), value.size());
  }
  template <class T>
  void put(const std::vector<T>& values) {
    put_count(values.size());
    for (const T& value : values) put(value);
  }
  void put(const std::vector<std::uint8_t>& bytes) {
    put_count(bytes.size());
    put_raw(bytes.data(), bytes.size());
  }
  void put(const Operation& operation) {
    put(static_cast<std::uint8_t>(operation.index()));
    std::visit([this](const auto& value) { put(value); }, operation);
  }
  template <class T>
    requires requires(const T& value) { fields_of(value); }
  void put(const T& value) {
    std::apply([this](const auto&... field) { (this->put(field), ...); }, fields_of(value));
  }

  std::vector<std::uint8_t> take() { return std::move(bytes_); }

 private:
  // A count that does not fit is far above kMaxPlanBytes, which encode() refuses by the total.
  void put_count(std::size_t count) { put(static_cast<std::uint32_t>(count)); }
  void put_raw(const void* data, std::size_t size) {
    const auto* first = static_cast<const std::uint8_t*>(data);
    bytes_.insert(bytes_.end(), first, first + size);
  }

  std::vector<std::uint8_t> bytes_;
};

/// After the first failure every read yields zero and ok() is false.
class Decoder final {
 public:
  explicit Decoder(std::span<const std::uint8_t> bytes) : left_(bytes) {}

  bool ok() const { return ok_; }
  bool at_end() const { return left_.empty(); }

  void get(Number auto& value) {
    const auto raw = take(sizeof value);
    if (ok_) std::memcpy(&value, raw.data(), sizeof value);
  }
  void get(bool& value) {
    std::uint8_t byte = 0;
    get(byte);
    if (byte > 1) fail();
    value = byte == 1;
  }
  template <class E>
    requires std::is_enum_v<E>
  void get(E& value) {
    std::underlying_type_t<E> number{};
    get(number);
    if (number > std::to_underlying(last_enumerator(E{}))) return fail();
    value = static_cast<E>(number);
  }
  void get(std::string& value) {
    const auto raw = take(get_count());
    value.assign(raw.begin(), raw.end());
    // Every string goes to the kernel, which ends it at the first NUL: what was checked must be
    // what is used.
    if (value.find('\0') != std::string::npos) fail();
  }
  template <class T>
  void get(std::vector<T>& values) {
    const std::size_t count = get_count();
    // An element takes at least a byte, so a count above what is left is a lie; nothing is
    // reserved on its word.
    if (count > left_.size()) return fail();
    for (std::size_t i = 0; i < count && ok_; ++i) get(values.emplace_back());
  }
  void get(std::vector<std::uint8_t>& bytes) {
    const auto raw = take(get_count());
    bytes.assign(raw.begin(), raw.end());
  }
  void get(Operation& operation) {
    std::uint8_t index = 0;
    get(index);
    get_alternative(operation, index, std::make_index_sequence<std::variant_size_v<Operation>>());
  }
  template <class T>
    requires requires(T& value) { fields_of(value); }
  void get(T& value) {
    std::apply([this](auto&... field) { (this->get(field), ...); }, fields_of(value));
  }

 private:
  void fail() {
    ok_ = false;
    left_ = {};
  }
  std::size_t get_count() {
    std::uint32_t count = 0;
    get(count);
    return count;
  }
  std::span<const std::uint8_t> take(std::size_t size) {
    if (size > left_.size()) {
      fail();
      return {};
    }
    const auto taken = left_.first(size);
    left_ = left_.subspan(size);
    return taken;
  }
  template <std::size_t... I>
  void get_alternative(Operation& operation, std::size_t index, std::index_sequence<I...>) {
    const bool known = ((index == I && (get(operation.emplace<I>()), true)) || ...);
    if (!known) fail();
  }

  std::span<const std::uint8_t> left_;
  bool ok_ = true;
};

Error malformed(std::string message) {
  return Error(Code::kInvalidArgument, std::move(message)).with_reason("PLAN_MALFORMED");
}

template <class Plan>
Result<std::vector<std::uint8_t>> encode_as(std::uint32_t magic, const Plan& plan) {
  Encoder encoder;
  encoder.put(magic);
  encoder.put(kPlanVersion);
  encoder.put(plan);
  auto bytes = encoder.take();
  if (bytes.size() > kMaxPlanBytes) {
    return Error(Code::kResourceExhausted,
                 fmt::format("the plan takes {} bytes, more than {}", bytes.size(), kMaxPlanBytes))
        .with_reason("PLAN_TOO_LARGE");
  }
  return bytes;
}

template <class Plan>
Result<Plan> decode_as(std::uint32_t expected, std::span<const std::uint8_t> bytes) {
  if (bytes.size() > kMaxPlanBytes) return malformed("the plan is too large");
  Decoder decoder(bytes);
  std::uint32_t magic = 0;
  std::uint32_t version = 0;
  decoder.get(magic);
  decoder.get(version);
  if (!decoder.ok() || magic != expected) return malformed("not a plan of this kind");
  if (version != kPlanVersion) {
    return Error(Code::kInvalidArgument,
                 fmt::format("plan of version {}, not {}", version, kPlanVersion))
        .with_reason("PLAN_VERSION");
  }
  Plan plan;
  decoder.get(plan);
  if (!decoder.ok()) return malformed("the plan is cut short or has a value out of range");
  if (!decoder.at_end()) return malformed("the plan is followed by other bytes");
  return plan;
}

}  // namespace

Result<std::vector<std::uint8_t>> encode(const LaunchPlan& plan) {
  return encode_as(kLaunchMagic, plan);
}

Result<LaunchPlan> decode(std::span<const std::uint8_t> bytes) {
  TRY_ASSIGN(auto plan, decode_as<LaunchPlan>(kLaunchMagic, bytes));
  if (plan.exec.arguments.empty() && !plan.init && !plan.standby)
    return malformed("the plan runs no program");
  if (plan.init && plan.exec != Exec{}) return malformed("the plan of an init runs a program");
  if (plan.standby && (plan.exec != Exec{} || !plan.operations.empty() || plan.init))
    return malformed("the plan of a standby process runs something");
  return plan;
}

Result<std::vector<std::uint8_t>> encode(const SandboxPlan& plan) {
  return encode_as(kSandboxMagic, plan);
}

Result<SandboxPlan> decode_sandbox(std::span<const std::uint8_t> bytes) {
  return decode_as<SandboxPlan>(kSandboxMagic, bytes);
}

}  // namespace skerry::plan
