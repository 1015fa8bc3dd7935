/// The version of this library and of `winnow`.
package enum ProgramVersion {
    package static let current = "0.1.0"
}
