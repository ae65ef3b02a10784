// Inventory (ref D.2): managed objects and their child references.
#include "tests/platform/model/inventory_query.hpp"
#include "tests/platform/model/text.hpp"
#include "tests/platform/routes/call.hpp"

namespace platform_sim::routes {

namespace {

using model::managed_object;

constexpr std::string_view collection_path = "/inventory/managedObjects/";

std::string self_of(const call& c, std::uint64_t id) {
    return c.base + std::string(collection_path) + std::to_string(id);
}

json::object references(const call& c, const managed_object& of, std::string_view name,
                        const std::set<std::uint64_t>& related) {
    json::array items;
    for (const auto id : related) {
        json::object item;
        item["managedObject"] = reference(c, id, true);
        item["self"] = self_of(c, of.id) + "/" + std::string(name) + "/" + std::to_string(id);
        items.push_back(std::move(item));
    }
    json::object made;
    made["self"] = self_of(c, of.id) + "/" + std::string(name);
    made["references"] = std::move(items);
    return made;
}

json::object document(const call& c, const managed_object& of) {
    json::object made;
    made["id"] = std::to_string(of.id);
    made["self"] = self_of(c, of.id);
    for (const auto& member : of.fields) made.insert_or_assign(member.key(), member.value());
    for (std::size_t i = 0; i < model::relations.size(); ++i) {
        made[text(model::child_names[i])] = references(c, of, model::child_names[i], of.children[i]);
        made[text(model::parent_names[i])] = references(c, of, model::parent_names[i], of.parents[i]);
    }
    return made;
}

http_response unknown(const std::string& id) {
    return not_found("inventory", "Finding device data from database failed : No managedObject for id '" + id + "'!");
}

std::optional<refusal> check_fields(const json::object& fields) {
    for (const auto key : {"name", "type"}) {
        const json::value* found = fields.if_contains(key);
        if (found != nullptr && !found->is_string() && !found->is_null())
            return model::invalid(std::string(key) + " must be a text");
    }
    return std::nullopt;
}

http_response create(call& c) {
    http_response no;
    auto body = read_body(c, "inventory", no);
    if (!body) return no;
    if (const auto wrong = check_fields(*body)) return refuse(*wrong);
    const auto how = read_processing(c.http, true);
    if (!how) return refuse(model::invalid("Unknown processing mode"));
    auto& made = c.of.objects.create(c.of.next_id(), std::move(*body), c.who.name, c.now_ms());
    const auto id = made.id;
    const json::object answer = document(c, made);
    const bool stored = !how->notify || notify(c, "managedobjects", "CREATE", id, answer);
    if (!how->store) (void)c.of.objects.remove(id, false);
    return stored ? created(c, "managedObject", self_of(c, id), answer) : backlog_full();
}

http_response get(call& c) {
    const auto* found = c.of.objects.find(model::parse_id(c.captured[0]));
    if (found == nullptr) return unknown(c.captured[0]);
    if (!c.may_touch(found)) return forbidden();
    return ok(c, "managedObject", model::json_text(document(c, *found)));
}

http_response update(call& c) {
    auto* found = c.of.objects.find(model::parse_id(c.captured[0]));
    if (found == nullptr) return unknown(c.captured[0]);
    if (!c.may_touch(found)) return forbidden();
    http_response no;
    const auto body = read_body(c, "inventory", no);
    if (!body) return no;
    if (body->empty() || (body->size() == 1 && body->contains("id"))) { // heartbeat: the answer holds only the ID
        json::object answer;
        answer["id"] = c.captured[0];
        answer["self"] = self_of(c, found->id);
        return updated(c, "managedObject", answer);
    }
    if (const auto wrong = check_fields(*body)) return refuse(*wrong);
    const auto how = read_processing(c.http, true);
    if (!how) return refuse(model::invalid("Unknown processing mode"));
    managed_object changed = *found;
    c.of.objects.update(how->store ? *found : changed, *body, c.now_ms());
    const json::object answer = document(c, how->store ? *found : changed);
    const bool stored = !how->notify || notify(c, "managedobjects", "UPDATE", found->id, answer);
    return stored ? updated(c, "managedObject", answer) : backlog_full();
}

http_response remove(call& c) {
    const auto id = model::parse_id(c.captured[0]);
    const auto* found = c.of.objects.find(id);
    if (found == nullptr) return unknown(c.captured[0]);
    if (!c.may_touch(found)) return forbidden();
    json::object body;
    body["id"] = c.captured[0];
    if (const auto type = model::text_member(found->fields, "type"); !type.empty()) body["type"] = text(type);
    const bool stored = notify(c, "managedobjects", "DELETE", id, body);
    (void)c.of.objects.remove(id, flag_parameter(c.http, "cascade") || flag_parameter(c.http, "forceCascade"));
    return stored ? no_content() : backlog_full();
}

bool holds_text(const json::value& value, std::string_view wanted) {
    if (value.is_string())
        return std::string_view(value.get_string().data(), value.get_string().size()).find(wanted) !=
               std::string_view::npos;
    if (value.is_object())
        for (const auto& member : value.get_object())
            if (holds_text(member.value(), wanted)) return true;
    if (value.is_array())
        for (const auto& item : value.get_array())
            if (holds_text(item, wanted)) return true;
    return false;
}

/// The simple filters; `type` does not count beside `query`.
bool passes(const call& c, const managed_object& of, const model::inventory_query* query) {
    const auto& http = c.http;
    if (!c.may_touch(&of)) return false;
    if (query != nullptr && !query->matches(of.fields)) return false;
    if (http.has_parameter("q") && !of.fields.contains("c8y_IsDevice")) return false;
    if (query == nullptr && http.has_parameter("type") &&
        model::text_member(of.fields, "type") != http.parameter("type"))
        return false;
    if (http.has_parameter("fragmentType") && !of.fields.contains(text(http.parameter("fragmentType")))) return false;
    if (http.has_parameter("owner") && of.owner() != http.parameter("owner")) return false;
    if (http.has_parameter("ids") && !in_list(list_parameter(http, "ids"), std::to_string(of.id))) return false;
    if (http.has_parameter("text") && !holds_text(json::value(of.fields), http.parameter("text"))) return false;
    for (std::size_t i = 0; i < model::relations.size(); ++i) {
        static constexpr std::array<std::string_view, 3> names{"childDeviceId", "childAssetId", "childAdditionId"};
        if (http.has_parameter(names[i]) && !of.children[i].contains(model::parse_id(http.parameter(names[i]))))
            return false;
    }
    return !flag_parameter(http, "onlyRoots") ||
           (of.parents[0].empty() && of.parents[1].empty() && of.parents[2].empty());
}

http_response list(call& c) {
    std::unique_ptr<model::inventory_query> query;
    for (const auto name : {"query", "q"}) {
        if (!c.http.has_parameter(name)) continue;
        query = std::make_unique<model::inventory_query>(c.http.parameter(name));
        if (!query->problem().empty()) return refuse(model::invalid("Query: " + query->problem()));
    }
    std::vector<const managed_object*> found;
    for (const auto& [id, of] : c.of.objects.all())
        if (passes(c, of, query.get())) found.push_back(&of);
    return paged(c, "managedObjectCollection", "managedObjects", found,
                 [&](std::string& out, const managed_object* of) { model::append_json(out, document(c, *of)); });
}

std::optional<model::relation> relation_named(std::string_view name) {
    for (std::size_t i = 0; i < model::relations.size(); ++i)
        if (model::child_names[i] == name) return model::relations[i];
    return std::nullopt;
}

/// The child named by `{"managedObject":{"id":…}}`, null when there is none.
managed_object* referenced(call& c, const json::value& item) {
    if (!item.is_object()) return nullptr;
    return c.of.objects.find(model::reference_member(item.get_object(), "managedObject"));
}

http_response add_children(call& c) {
    auto* parent = c.of.objects.find(model::parse_id(c.captured[0]));
    const auto as = relation_named(c.captured[1]);
    if (parent == nullptr || !as) return unknown(c.captured[0]);
    if (!c.may_touch(parent)) return forbidden();
    http_response no;
    auto body = read_body(c, "inventory", no);
    if (!body) return no;
    const std::string kind = model::upper(c.http.headers.get("Content-Type"));
    std::vector<managed_object*> children;
    if (kind.find("MANAGEDOBJECTREFERENCECOLLECTION+JSON") != std::string::npos) {
        const json::value* all = body->if_contains("references");
        if (all == nullptr || !all->is_array()) return refuse(model::missing("references"));
        for (const auto& item : all->get_array()) children.push_back(referenced(c, item));
    } else if (kind.find("MANAGEDOBJECT+JSON") != std::string::npos) {
        children.push_back(&c.of.objects.create(c.of.next_id(), std::move(*body), c.who.name, c.now_ms()));
    } else {
        children.push_back(referenced(c, json::value(*body)));
    }
    for (const auto* child : children)
        if (child == nullptr) return not_found("inventory", "A referenced managed object does not exist");
    for (auto* child : children) c.of.objects.relate(*parent, *child, *as);
    const auto index = static_cast<std::size_t>(*as);
    std::string location = self_of(c, parent->id) + "/" + c.captured[1];
    if (children.size() == 1) location += "/" + std::to_string(children[0]->id);
    return created(c, "managedObjectReferenceCollection", std::move(location),
                   references(c, *parent, model::child_names[index], parent->children[index]));
}

http_response list_children(call& c) {
    const auto* parent = c.of.objects.find(model::parse_id(c.captured[0]));
    const auto as = relation_named(c.captured[1]);
    if (parent == nullptr || !as) return unknown(c.captured[0]);
    if (!c.may_touch(parent)) return forbidden();
    const auto& related = parent->children[static_cast<std::size_t>(*as)];
    return paged(c, "managedObjectReferenceCollection", "references",
                 std::vector<std::uint64_t>(related.begin(), related.end()), [&](std::string& out, std::uint64_t id) {
                     json::object item;
                     item["managedObject"] = reference(c, id, true);
                     item["self"] = self_of(c, parent->id) + "/" + c.captured[1] + "/" + std::to_string(id);
                     model::append_json(out, item);
                 });
}

http_response remove_child(call& c) {
    auto* parent = c.of.objects.find(model::parse_id(c.captured[0]));
    const auto as = relation_named(c.captured[1]);
    if (parent == nullptr || !as) return unknown(c.captured[0]);
    if (!c.may_touch(parent)) return forbidden();
    if (!c.of.objects.unrelate(*parent, model::parse_id(c.captured[2]), *as)) return unknown(c.captured[2]);
    return no_content();
}

} // namespace

std::span<const route> inventory_routes() {
    static const std::vector<route> all{
        {"POST", "/inventory/managedObjects", create, {"ROLE_INVENTORY_ADMIN", "ROLE_INVENTORY_CREATE"}},
        {"GET", "/inventory/managedObjects", list, {"ROLE_INVENTORY_READ"}, true},
        {"GET", "/inventory/managedObjects/{id}", get, {"ROLE_INVENTORY_READ"}, true},
        {"PUT", "/inventory/managedObjects/{id}", update, {"ROLE_INVENTORY_ADMIN"}, true},
        {"DELETE", "/inventory/managedObjects/{id}", remove, {"ROLE_INVENTORY_ADMIN"}, true},
        {"POST", "/inventory/managedObjects/{id}/{relation}", add_children, {"ROLE_INVENTORY_ADMIN"}, true},
        {"GET", "/inventory/managedObjects/{id}/{relation}", list_children, {"ROLE_INVENTORY_READ"}, true},
        {"DELETE", "/inventory/managedObjects/{id}/{relation}/{child}", remove_child, {"ROLE_INVENTORY_ADMIN"}, true},
    };
    return all;
}

} // namespace platform_sim::routes
