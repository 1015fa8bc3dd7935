/// What kernels on this machine like widths to be multiples of.
package enum KernelWidth {
    /// Channels of float32: the rest of a block costs as much as a whole one.
    package static var channels: Int { OneDNN.floatsAtOnce }
}
