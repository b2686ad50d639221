package kube

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func serviceColumns() []Column {
	return []Column{
		ColumnOf("Type", func(s *corev1.Service) any { return string(s.Spec.Type) }),
		ColumnOf("Cluster-IP", func(s *corev1.Service) any { return or(s.Spec.ClusterIP) }),
		ColumnOf("External-IP", func(s *corev1.Service) any {
			addresses := s.Spec.ExternalIPs
			switch s.Spec.Type {
			case corev1.ServiceTypeExternalName:
				return s.Spec.ExternalName
			case corev1.ServiceTypeLoadBalancer:
				var out []string
				for _, in := range s.Status.LoadBalancer.Ingress {
					out = append(out, cmp.Or(in.IP, in.Hostname))
				}
				if addresses = append(out, addresses...); len(addresses) == 0 {
					return "<pending>"
				}
			}
			return or(strings.Join(addresses, ","))
		}),
		ColumnOf("Port(s)", func(s *corev1.Service) any {
			var out []string
			for _, p := range s.Spec.Ports {
				port := strconv.Itoa(int(p.Port))
				if p.NodePort > 0 {
					port += ":" + strconv.Itoa(int(p.NodePort))
				}
				out = append(out, port+"/"+string(p.Protocol))
			}
			return or(strings.Join(out, ","))
		}),
		wide("Selector", func(s *corev1.Service) any {
			return or(metav1.FormatLabelSelector(&metav1.LabelSelector{MatchLabels: s.Spec.Selector}))
		}),
	}
}

// mostListed are named in one column of what there is more of.
const mostListed = 3

// listed are the first of something, and how many more there are.
func listed(all []string) string {
	if len(all) > mostListed {
		return fmt.Sprintf("%s + %d more...", strings.Join(all[:mostListed], ","), len(all)-mostListed)
	}
	return strings.Join(all, ",")
}

func sliceColumns() []Column {
	return []Column{
		ColumnOf("AddressType", func(s *discoveryv1.EndpointSlice) any { return string(s.AddressType) }),
		ColumnOf("Ports", func(s *discoveryv1.EndpointSlice) any {
			var out []string
			for _, p := range s.Ports {
				switch {
				case p.Port != nil:
					out = append(out, strconv.Itoa(int(*p.Port)))
				default:
					out = append(out, cmp.Or(deref(p.Name), "*"))
				}
			}
			return cmp.Or(listed(out), "<unset>")
		}),
		ColumnOf("Endpoints", func(s *discoveryv1.EndpointSlice) any {
			var out []string
			for _, e := range s.Endpoints {
				out = append(out, e.Addresses...)
			}
			return cmp.Or(listed(out), "<unset>")
		}),
	}
}

func ingressColumns() []Column {
	return []Column{
		ColumnOf("Class", func(i *networkingv1.Ingress) any { return or(deref(i.Spec.IngressClassName)) }),
		ColumnOf("Hosts", func(i *networkingv1.Ingress) any {
			var out []string
			for _, r := range i.Spec.Rules {
				if r.Host != "" {
					out = append(out, r.Host)
				}
			}
			return cmp.Or(listed(out), "*")
		}),
		ColumnOf("Address", func(i *networkingv1.Ingress) any {
			var out []string
			for _, in := range i.Status.LoadBalancer.Ingress {
				out = append(out, cmp.Or(in.IP, in.Hostname))
			}
			return strings.Join(out, ",")
		}),
		ColumnOf("Ports", func(i *networkingv1.Ingress) any {
			if i.Spec.TLS != nil {
				return "80, 443"
			}
			return "80"
		}),
	}
}

// unset is what a field says that may be left out.
func unset[T ~string](of *T) string {
	if of == nil {
		return "<unset>"
	}
	return string(*of)
}

func volumeColumns() []Column {
	return []Column{
		ColumnOf("Capacity", func(v *corev1.PersistentVolume) any { return v.Spec.Capacity.Storage().String() }),
		ColumnOf("Access Modes", func(v *corev1.PersistentVolume) any { return modes(v.Spec.AccessModes) }),
		ColumnOf("Reclaim Policy", func(v *corev1.PersistentVolume) any { return string(v.Spec.PersistentVolumeReclaimPolicy) }),
		ColumnOf("Status", func(v *corev1.PersistentVolume) any {
			if v.DeletionTimestamp != nil {
				return "Terminating"
			}
			return string(v.Status.Phase)
		}),
		ColumnOf("Claim", func(v *corev1.PersistentVolume) any {
			if v.Spec.ClaimRef == nil {
				return ""
			}
			return v.Spec.ClaimRef.Namespace + "/" + v.Spec.ClaimRef.Name
		}),
		ColumnOf("StorageClass", func(v *corev1.PersistentVolume) any { return v.Spec.StorageClassName }),
		ColumnOf("VolumeAttributesClass", func(v *corev1.PersistentVolume) any { return unset(v.Spec.VolumeAttributesClassName) }),
		ColumnOf("Reason", func(v *corev1.PersistentVolume) any { return v.Status.Reason }),
		wide("VolumeMode", func(v *corev1.PersistentVolume) any { return unset(v.Spec.VolumeMode) }),
	}
}

func claimColumns() []Column {
	bound := func(c *corev1.PersistentVolumeClaim, is string) any {
		if c.Spec.VolumeName == "" {
			return ""
		}
		return is
	}
	return []Column{
		ColumnOf("Status", func(c *corev1.PersistentVolumeClaim) any {
			if c.DeletionTimestamp != nil {
				return "Terminating"
			}
			return string(c.Status.Phase)
		}),
		ColumnOf("Volume", func(c *corev1.PersistentVolumeClaim) any { return c.Spec.VolumeName }),
		ColumnOf("Capacity", func(c *corev1.PersistentVolumeClaim) any { return bound(c, c.Status.Capacity.Storage().String()) }),
		ColumnOf("Access Modes", func(c *corev1.PersistentVolumeClaim) any { return bound(c, modes(c.Status.AccessModes)) }),
		ColumnOf("StorageClass", func(c *corev1.PersistentVolumeClaim) any { return deref(c.Spec.StorageClassName) }),
		ColumnOf("VolumeAttributesClass", func(c *corev1.PersistentVolumeClaim) any { return unset(c.Spec.VolumeAttributesClassName) }),
		wide("VolumeMode", func(c *corev1.PersistentVolumeClaim) any { return unset(c.Spec.VolumeMode) }),
	}
}

func modes(all []corev1.PersistentVolumeAccessMode) string {
	short := map[corev1.PersistentVolumeAccessMode]string{corev1.ReadWriteOnce: "RWO", corev1.ReadOnlyMany: "ROX", corev1.ReadWriteMany: "RWX", corev1.ReadWriteOncePod: "RWOP"}
	var out []string
	for _, m := range all {
		out = append(out, short[m])
	}
	return strings.Join(out, ",")
}

// isDefault is the mark of the class of volumes that is taken where none is named.
const isDefault = "storageclass.kubernetes.io/is-default-class"

func classColumns() []Column {
	return []Column{
		ColumnOf("Name", func(c *storagev1.StorageClass) any {
			if c.Annotations[isDefault] == "true" {
				return c.Name + " (default)"
			}
			return c.Name
		}),
		ColumnOf("Provisioner", func(c *storagev1.StorageClass) any { return c.Provisioner }),
		ColumnOf("ReclaimPolicy", func(c *storagev1.StorageClass) any {
			return cmp.Or(string(deref(c.ReclaimPolicy)), string(corev1.PersistentVolumeReclaimDelete))
		}),
		ColumnOf("VolumeBindingMode", func(c *storagev1.StorageClass) any {
			return cmp.Or(string(deref(c.VolumeBindingMode)), string(storagev1.VolumeBindingImmediate))
		}),
		ColumnOf("AllowVolumeExpansion", func(c *storagev1.StorageClass) any { return deref(c.AllowVolumeExpansion) }),
		ageColumn(),
	}
}
