"""The lab's nodes: what stands where an EC2 instance with its kubelet and containerd does."""
