#include "common/auth/tenants_file.hpp"

#include "common/auth/trust_directory.hpp"

#include "common/core/config_node.hpp"
#include "common/core/log.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace auth {
namespace {

/// What reading one file needs to know besides the node at hand.
struct reading {
    std::filesystem::path directory;
    tenant_directory into;
    scrypt_parameters costliest{};
    std::size_t plain_passwords = 0;
    bool with_trust = true;
};

std::uint64_t cost(const scrypt_parameters& of) noexcept { return of.n * of.r * of.p; }

bool printable_name(std::string_view name) noexcept {
    for (const unsigned char c : name)
        if (c < ' ' || c == 0x7F) return false;
    return !name.empty();
}

void read_password(core::config_node node, user_entry& user, reading& at) {
    if (!node.exists()) return; // `required` has complained
    if (node.is_map()) {
        auto plain = node.required("plain");
        user.plain = plain.text();
        if (plain.exists() && user.plain.empty()) plain.complain("must not be empty");
        node.finish();
        ++at.plain_passwords;
        return;
    }
    const std::string text = node.text();
    auto hash = parse_password_hash(text);
    if (!hash) {
        // Never the text itself: it may be a password that was written here by mistake.
        node.complain(
            "must be scrypt:N:r:p:<salt>:<hash> with salt and hash in Base64, or { plain: … } for a demonstration");
        return;
    }
    if (cost(hash->parameters) > cost(at.costliest)) at.costliest = hash->parameters;
    user.hash = std::move(*hash);
}

void read_roles(core::config_node node, user_entry& user) {
    for (auto& item : node.items()) {
        const std::string role = item.text();
        const bool good =
            !role.empty() && role.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == std::string::npos;
        if (!good) item.complain("a role is written in capital letters, digits and underscores, as ROLE_TENANT_ADMIN");
        user.roles.push_back(role);
    }
}

void read_users(core::config_node node, tenant_entry& tenant, reading& at) {
    if (!node.exists()) return;
    for (auto& [name, entry] : node.members()) {
        if (!printable_name(name)) entry.complain("a user name must not be empty or hold control characters");
        user_entry user;
        read_password(entry.required("password"), user, at);
        read_roles(entry.child("roles"), user);
        entry.finish();
        tenant.users.emplace(name, std::move(user));
    }
}

/// What a file that `node` names holds, or nothing after a complaint.
std::optional<std::string> content_of(core::config_node& node, const std::filesystem::path& path, reading& at) {
    at.into.files.push_back(path.string());
    std::ifstream file(path, std::ios::binary);
    std::ostringstream content;
    std::error_code why;
    const bool regular = std::filesystem::is_regular_file(path, why);
    if (regular && (content << file.rdbuf())) return content.str();
    node.complain("cannot read " + path.string() + (why ? ": " + why.message() : std::string()));
    return std::nullopt;
}

/// The only certificate of a file, or nothing after a complaint at `node`.
std::optional<certificate> read_authority(core::config_node& node, const std::filesystem::path& path, reading& at) {
    const auto content = content_of(node, path, at);
    if (!content) return std::nullopt;
    const auto found = certificate::from_pem(*content);
    if (!found)
        node.complain(path.string() + ": " + found.error().message());
    else if (found->size() != 1)
        node.complain(path.string() + " must hold one certificate, not " + std::to_string(found->size()));
    else if (!found->front().is_authority())
        node.complain(path.string() + " is not an authority (X.509 v3 with CA:TRUE)");
    else
        return found->front();
    return std::nullopt;
}

void warn_if_expired(const core::tenant_id& tenant, const trust_anchor& anchor) {
    using namespace std::chrono;
    if (anchor.authority.not_after_s() < duration_cast<seconds>(system_clock::now().time_since_epoch()).count())
        core::log::warn("trust anchor has expired", {{"tenant", tenant.value}, {"anchor", anchor.name}});
}

void read_anchor(core::config_node node, const core::tenant_id& tenant, reading& at) {
    std::string name;
    bool enabled = true;
    bool auto_registration = false;
    node.read("name", name);
    node.read("enabled", enabled);
    node.read("auto_registration", auto_registration);
    auto file = node.required("file");
    node.finish();
    if (!file.exists()) return;
    const auto path = at.directory / file.text();
    const auto authority = read_authority(file, path, at);
    if (!authority) return;
    trust_anchor anchor{name, *authority, enabled, auto_registration, path.string(), {}};
    warn_if_expired(tenant, anchor);
    if (!at.into.trust.add(tenant, std::move(anchor)))
        file.complain("this certificate is already an anchor of the tenant");
}

/// `crl: list.pem`, or serial numbers: `crl: [ "0b:8a:5b:9d" ]`.
void read_revocations(core::config_node node, const core::tenant_id& tenant, reading& at) {
    if (!node.exists()) return;
    revocation_list revoked;
    if (node.is_sequence()) {
        for (auto& item : node.items())
            if (!revoked.add_serial(item.text())) item.complain("must be a serial number in hexadecimal digits");
    } else {
        const auto path = at.directory / node.text();
        const auto content = content_of(node, path, at);
        if (!content) return;
        if (const auto added = revoked.add_crl(*content, revocation_scope::issuer); !added)
            node.complain(path.string() + ": " + added.error().message());
    }
    at.into.trust.revoke(tenant, revoked);
}

void read_tenant(const std::string& name, core::config_node node, reading& at) {
    if (!printable_name(name) || name.find('/') != std::string::npos)
        node.complain("a tenant ID must not be empty or hold a slash or control characters");
    const core::tenant_id tenant{name};
    tenant_entry entry;
    entry.options = read_tenant_options(node);
    read_users(node.child("users"), entry, at);
    auto anchors = node.child("trust_anchors");
    auto revocations = node.child("crl");
    if (at.with_trust) {
        for (auto& item : anchors.items()) read_anchor(item, tenant, at);
        read_revocations(std::move(revocations), tenant, at);
    }
    node.finish();
    at.into.tenants.emplace(tenant, std::move(entry));
}

/// Anchors that `mqtt-broker trust` put beside the file.
void add_managed(const std::string& tenants_file, reading& at, std::string& complaints) {
    for (auto& [tenant, anchor] : trust_directory(tenants_file).load(complaints, at.into.files)) {
        if (!at.into.tenants.contains(tenant)) {
            core::log::warn("trust anchor of a tenant that is not in tenants.yaml is left out",
                            {{"tenant", tenant.value}, {"file", anchor.origin}});
            continue;
        }
        const std::string origin = anchor.origin;
        warn_if_expired(tenant, anchor);
        if (!at.into.trust.add(tenant, std::move(anchor)))
            complaints += origin + ": error: this certificate is already an anchor of the tenant in tenants.yaml\n";
    }
}

} // namespace

loaded_tenants load_tenants(const std::string& path, trust_reading trust) {
    core::config_document::options with;
    with.substitute_environment = true;
    auto document = core::config_document::load(path, with);
    loaded_tenants loaded;
    loaded.files.push_back(path);
    if (!document.ok()) {
        loaded.complaints = document.complaint_text();
        return loaded;
    }
    reading at;
    at.with_trust = trust == trust_reading::included;
    at.directory = std::filesystem::path(path).parent_path();
    at.into.files.push_back(path);
    auto root = document.root();
    auto tenants = root.required("tenants");
    if (tenants.exists())
        for (auto& [name, node] : tenants.members()) read_tenant(name, node, at);
    root.finish();
    if (at.with_trust) add_managed(path, at, loaded.complaints);
    loaded.files = at.into.files;
    loaded.complaints = document.complaint_text() + loaded.complaints;
    if (!loaded.complaints.empty()) return loaded;
    auto dummy = unmatchable_hash(at.costliest);
    if (!dummy) {
        loaded.complaints = path + ": " + dummy.error().message() + "\n";
        return loaded;
    }
    at.into.dummy = std::move(*dummy);
    if (at.plain_passwords != 0)
        core::log::warn("plain passwords are for demonstrations only", {{"file", path}, {"users", at.plain_passwords}});
    loaded.directory = std::make_shared<const tenant_directory>(std::move(at.into));
    return loaded;
}

} // namespace auth
