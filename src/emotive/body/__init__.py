"""What a body needs besides a network: skeleton, inverse kinematics, figure, renderer, exports."""
