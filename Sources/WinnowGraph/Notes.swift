/// What a file says in words about a graph, a node or a value; kept from reading to writing, read by no arithmetic.
package struct Notes: Sendable, Hashable {
    package var documentation = ""
    package var properties: [String: String] = [:]

    package init(documentation: String = "", properties: [String: String] = [:]) {
        self.documentation = documentation
        self.properties = properties
    }
}
